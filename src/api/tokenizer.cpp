#include "tidemill/tokenizer.h"

#include "api/gguf_tokenizer.h"

namespace tidemill {

std::shared_ptr<const Tokenizer> Tokenizer::from_file(const std::string& path, const TokenizerOptions&) {
  return tokenizer_of(GgufFile(path));
}

}  // namespace tidemill
