#include "tidemill/tokenizer.h"

#include <filesystem>

#include "api/gguf_tokenizer.h"
#include "api/tokenizer_files.h"

namespace tidemill {

std::shared_ptr<const Tokenizer> Tokenizer::from_file(const std::string& path, const TokenizerOptions& options) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return load_tokenizer_folder(path, options);
  return load_tokenizer_file(path, options);
}

}  // namespace tidemill
