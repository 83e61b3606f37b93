// The tokenizer of RWKV World models: the longest token first, over bytes.
//
// A vocabulary is a text file with a token a line: its id, the token as Python writes a string ('\n') or bytes
// (b'\xe4\xbd'), and how many bytes it has.  Id 0, which no line has, ends a text.
// Format and behaviour: github.com/BlinkDL/ChatRWKV, rwkv_tokenizer.py.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tidemill/tokenizer.h"

namespace tidemill {

// Of the content of a file called `source`, which may go after the call.  Throws bad_file, naming the line, for a line
// of another form, a length that does not fit, an id or a token that occurs twice, an id greater than the file is long,
// and for a vocabulary that lacks the token of a single byte.
std::shared_ptr<const Tokenizer> make_rwkv_tokenizer(std::string_view content, const std::string& source);

// True when `content` looks like such a file.
bool is_rwkv_vocabulary(std::string_view content);

}  // namespace tidemill
