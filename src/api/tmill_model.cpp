#include "api/tmill_model.h"

#include <filesystem>
#include <optional>

#include "api/gguf_sentence.h"
#include "api/gguf_tokenizer.h"
#include "api/sentence_files.h"
#include "api/tokenizer_files.h"
#include "formats/json_file.h"
#include "formats/tmill.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

class TmillModel final : public ModelFile {
 public:
  explicit TmillModel(const std::string& path) : file_(path), files_(file_) {
    if (const auto metadata = file_.file(kTmillGgufFile)) {
      gguf_ = GgufFile::with_tensors(*metadata, path, file_.tensors());
    } else if (const auto text = file_.config()) {
      config_ = parse_json(*text, config_path());
    } else {
      throw Error(ErrorCode::bad_file, path + ": has no configuration; convert the model again");
    }
  }

  ModelSource source() const override {
    if (gguf_) return {.weights = file_, .gguf = &*gguf_};
    return {.weights = file_, .config = &config_, .config_path = config_path()};
  }
  std::shared_ptr<const Tokenizer> load_tokenizer(const TokenizerOptions& options) const override {
    if (!gguf_) return tokenizer_if_any(files_, options);
    return tokenizer_kind() == "no_vocab" ? nullptr : tokenizer_of(*gguf_, options);
  }
  std::unique_ptr<CompanionFiles> companions() const override {
    return gguf_ ? nullptr : std::make_unique<PackedFiles>(file_);
  }
  bool makes_vectors() const override { return gguf_ ? tidemill::makes_vectors(*gguf_) : has_sentence_modules(files_); }
  SentenceModules sentence_modules(int64_t d_model) const override {
    return gguf_ ? sentence_modules_of(*gguf_, d_model) : sentence_modules_of(files_, d_model);
  }

  std::string format() const override { return "tmill v" + std::to_string(kTmillVersion); }
  std::string name() const override {
    return gguf_ ? text("general.name") : std::filesystem::path(file_.path()).stem().string();
  }
  std::string architecture() const override { return std::string(file_.architecture()); }
  std::string tokenizer_kind() const override {
    if (gguf_) return text("tokenizer.ggml.model");
    return files_.contains("tokenizer.json") ? "tokenizer.json" : "";
  }
  std::vector<std::pair<std::string, std::string>> metadata() const override {
    std::vector<std::pair<std::string, std::string>> result;
    if (gguf_) {
      for (const auto& [key, value] : gguf_->metadata()) result.emplace_back(key, shown_value(value));
    } else {
      for (const auto& [key, value] : config_.items()) result.emplace_back(key, shown_json(value));
    }
    return result;
  }
  int64_t file_bytes() const override { return static_cast<int64_t>(std::filesystem::file_size(file_.path())); }

 private:
  std::string config_path() const { return file_.path() + ": config.json"; }
  std::string text(std::string_view key) const { return std::string(gguf_->string(key).value_or("")); }

  TmillFile file_;
  PackedFiles files_;
  std::optional<GgufFile> gguf_;
  nlohmann::json config_;
};

}  // namespace

std::unique_ptr<ModelFile> open_tmill_model(const std::string& path) {
  return std::make_unique<TmillModel>(path);
}

}  // namespace tidemill
