#include "tidemill/tokenizer.h"

#include <filesystem>

#include "api/tokenizer_files.h"
#include "sys/atomic_file.h"

namespace tidemill {

std::shared_ptr<const Tokenizer> Tokenizer::from_file(const std::string& path, const TokenizerOptions& options) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return load_tokenizer_folder(path, options);
  return load_tokenizer_file(path, options);
}

void convert_tokenizer(const std::string& path, const std::string& json_path) {
  const std::string text = tokenizer_as_json(path);
  AtomicFile file(json_path);
  file.write(text);
  file.commit();
}

}  // namespace tidemill
