// Whether ids mean the same to two models.
#pragma once

#include <string>

#include "tidemill/tokenizer.h"

namespace tidemill {

// Throws unsupported, naming `path` and the first id that differs, unless both vocabularies are the same.  `draft` is
// the tokenizer of the model at `path`.
void require_same_vocabulary(const Tokenizer& tokenizer, const Tokenizer& draft, const std::string& path);

}  // namespace tidemill
