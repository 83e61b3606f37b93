// tiktoken's rank files: lines of a token in base64 and its rank.  The file says nothing of the split pattern and the
// special tokens; both belong to the encoding, which is known by the file's name.
#pragma once

#include <string>
#include <string_view>

#include "text/tokenizer_description.h"

namespace tidemill {

// True when the file looks like a rank file; enough to tell it from other kinds of text.
bool is_tiktoken(std::string_view text);

// `file_name` without folders: "cl100k_base.tiktoken".  Throws bad_file, naming the line, for malformed lines, ranks
// out of range or given twice, and unsupported for a name that is no known encoding's.
TokenizerDescription read_tiktoken(std::string_view text, std::string_view file_name, const std::string& source);

}  // namespace tidemill
