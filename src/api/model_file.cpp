#include "api/model_file.h"

#include <cstdio>
#include <filesystem>

#include "api/gguf_sentence.h"
#include "api/gguf_tokenizer.h"
#include "api/onnx_model.h"
#include "api/sentence_files.h"
#include "api/tmill_model.h"
#include "api/tokenizer_files.h"
#include "formats/gguf.h"
#include "formats/model_folder.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLongestValue = 200;  // bytes of a metadata value that are shown

// A metadata value as text: strings as they are (cut), arrays by their length and kind.
struct ToText {
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(int64_t value) const { return std::to_string(value); }
  std::string operator()(uint64_t value) const { return std::to_string(value); }
  std::string operator()(double value) const {
    char text[32];
    std::snprintf(text, sizeof text, "%.9g", value);
    return text;
  }
  std::string operator()(std::string_view value) const { return printable(std::string(value), kLongestValue); }
  std::string operator()(const StringList& list) const { return "[" + std::to_string(list.size()) + " strings]"; }
  std::string operator()(const NumberArray& list) const {
    return "[" + std::to_string(list.size()) + " x " + std::string(to_string(list.type)) + "]";
  }
};

class GgufModel final : public ModelFile {
 public:
  explicit GgufModel(const std::string& path)
      : file_(path), file_bytes_(static_cast<int64_t>(fs::file_size(file_.path()))) {}
  GgufModel(GgufFile file, std::unique_ptr<Weights> weights, int64_t file_bytes)
      : file_(std::move(file)), weights_(std::move(weights)), file_bytes_(file_bytes) {}

  ModelSource source() const override {
    return {.weights = weights_ ? *weights_ : static_cast<const Weights&>(file_), .gguf = &file_};
  }
  std::shared_ptr<const Tokenizer> load_tokenizer(const TokenizerOptions& options) const override {
    if (text("tokenizer.ggml.model") == "no_vocab") return nullptr;
    auto tokenizer = tokenizer_of(file_, options);
    file_.release_metadata();
    return tokenizer;
  }
  bool makes_vectors() const override { return tidemill::makes_vectors(file_); }
  SentenceModules sentence_modules(int64_t d_model) const override { return sentence_modules_of(file_, d_model); }
  std::string format() const override { return "gguf v" + std::to_string(file_.version()); }
  std::string name() const override { return text("general.name"); }
  std::string architecture() const override { return text("general.architecture"); }
  std::string tokenizer_kind() const override { return text("tokenizer.ggml.model"); }
  std::vector<std::pair<std::string, std::string>> metadata() const override {
    std::vector<std::pair<std::string, std::string>> result;
    for (const auto& [key, value] : file_.metadata()) result.emplace_back(key, shown_value(value));
    return result;
  }
  int64_t file_bytes() const override { return file_bytes_; }

 private:
  std::string text(std::string_view key) const { return std::string(file_.string(key).value_or("")); }

  GgufFile file_;
  std::unique_ptr<Weights> weights_;  // where they are not those of the file
  int64_t file_bytes_;
};

class FolderModel final : public ModelFile {
 public:
  explicit FolderModel(const std::string& path) : path_(path), folder_(open_model_folder(files().place())) {}
  FolderModel(const std::string& path, ModelFolder folder) : path_(path), folder_(std::move(folder)) {}

  ModelSource source() const override {
    return {.weights = *folder_.weights, .config = &folder_.config, .config_path = folder_.file("config.json")};
  }
  std::shared_ptr<const Tokenizer> load_tokenizer(const TokenizerOptions& options) const override {
    return tokenizer_if_any(files(), options);
  }
  std::unique_ptr<CompanionFiles> companions() const override { return std::make_unique<FolderFiles>(files()); }
  bool makes_vectors() const override { return has_sentence_modules(files()); }
  SentenceModules sentence_modules(int64_t d_model) const override { return sentence_modules_of(files(), d_model); }
  std::string format() const override { return "safetensors"; }
  std::string name() const override { return fs::path(path_).filename().string(); }
  std::string architecture() const override { return architecture_of(folder_.config); }
  std::string tokenizer_kind() const override {
    std::error_code ignored;
    return fs::exists(folder_.file("tokenizer.json"), ignored) ? "tokenizer.json" : "";
  }
  std::vector<std::pair<std::string, std::string>> metadata() const override {
    std::vector<std::pair<std::string, std::string>> result;
    for (const auto& [key, value] : folder_.config.items()) result.emplace_back(key, shown_json(value));
    return result;
  }
  int64_t file_bytes() const override {
    int64_t total = 0;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder_.path, ignored)) {
      if (entry.path().extension() == ".safetensors") total += static_cast<int64_t>(entry.file_size(ignored));
    }
    return total;
  }

 private:
  FolderFiles files() const { return model_files(path_); }

  std::string path_;
  ModelFolder folder_;
};

}  // namespace

std::string shown_value(const MetaValue& value) {
  return std::visit(ToText{}, value);
}

std::string shown_json(const nlohmann::json& value) {
  return printable(value.is_string() ? value.get<std::string>() : value.dump(), kLongestValue);
}

std::string architecture_of(const nlohmann::json& config) {
  const auto names = config.find("architectures");
  const bool is_there = names != config.end() && names->is_array() && !names->empty();
  return is_there && names->front().is_string() ? names->front().get<std::string>() : "";
}

std::unique_ptr<ModelFile> gguf_model(GgufFile file, std::unique_ptr<Weights> weights, int64_t file_bytes) {
  return std::make_unique<GgufModel>(std::move(file), std::move(weights), file_bytes);
}

std::unique_ptr<ModelFile> folder_model(const std::string& path, ModelFolder folder) {
  return std::make_unique<FolderModel>(path, std::move(folder));
}

std::unique_ptr<ModelFile> open_model_file(const std::string& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    if (const auto graph = onnx_file_in(path)) return open_onnx_model(*graph);
    return std::make_unique<FolderModel>(path);
  }
  if (path.ends_with(kOnnxEnding)) return open_onnx_model(path);
  if (path.ends_with(".safetensors")) {
    const std::string folder = fs::path(path).parent_path().string();
    return std::make_unique<FolderModel>(folder.empty() ? "." : folder);
  }
  if (path.ends_with(kTmillEnding)) return open_tmill_model(path);
  return std::make_unique<GgufModel>(path);
}

}  // namespace tidemill
