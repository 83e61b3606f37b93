#include "tidemill/tokenizer.h"

#include <filesystem>

#include "api/sentence_files.h"
#include "api/tokenizer_files.h"
#include "sys/atomic_file.h"
#include "text/plain_units.h"

namespace tidemill {

bool is_plain_tokenizer_name(std::string_view name) {
  return name == "bytes" || name == "characters";
}

std::shared_ptr<const Tokenizer> Tokenizer::from_file(const std::string& path, const TokenizerOptions& options) {
  std::error_code ignored;
  if (is_plain_tokenizer_name(path) && !std::filesystem::exists(path, ignored)) {
    return make_plain_tokenizer(path == "bytes" ? PlainUnit::byte : PlainUnit::character, {});
  }
  if (std::filesystem::is_directory(path, ignored)) return load_tokenizer_of(model_files(path), options);
  return load_tokenizer_file(path, options);
}

void convert_tokenizer(const std::string& path, const std::string& json_path) {
  const std::string text = tokenizer_as_json(path);
  AtomicFile file(json_path);
  file.write(text);
  file.commit();
}

}  // namespace tidemill
