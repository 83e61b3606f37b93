// Hugging Face's tokenizer.json, version 1.0, as `tokenizers` 0.8 to 0.23 wrote it.
#pragma once

#include <string>
#include <string_view>

#include "text/tokenizer_description.h"

namespace tidemill {

// `text` must outlive the result unless `storage` of it is set to what holds it.  Throws bad_file, naming file and
// field, for what is no such file, and unsupported for models that nobody has heard of.
TokenizerDescription read_tokenizer_json(std::string_view text, const std::string& source);

// The same file again, or one that `tokenizers` 0.23 loads for a description that came from elsewhere.
std::string write_tokenizer_json(const TokenizerDescription& description);

}  // namespace tidemill
