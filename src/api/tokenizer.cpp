#include "tidemill/tokenizer.h"

#include "api/gguf_tokenizer.h"
#include "sys/mapped_file.h"
#include "text/tokenizer_json.h"

namespace tidemill {

std::shared_ptr<const Tokenizer> Tokenizer::from_file(const std::string& path, const TokenizerOptions& options) {
  if (path.ends_with(".json")) {
    const MappedFile file(path);
    const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
    return build_tokenizer(read_tokenizer_json(text, path), options);
  }
  return tokenizer_of(GgufFile(path));
}

}  // namespace tidemill
