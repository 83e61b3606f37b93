#include "api/onnx_model.h"

#include <array>
#include <filesystem>
#include <utility>
#include <vector>

#include "api/sentence_files.h"
#include "api/tokenizer_files.h"
#include "formats/json_file.h"
#include "formats/onnx.h"
#include "models/onnx/outline.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 5> kCompanions = {"config.json", "tokenizer.json", "tokenizer_config.json",
                                                    "modules.json", "vocab.txt"};

bool has_companions(const fs::path& folder) {
  std::error_code ignored;
  for (const char* const name : kCompanions) {
    if (fs::is_regular_file(folder / name, ignored)) return true;
  }
  return false;
}

// Where the files are that belong to a graph: sentence-transformers keeps graphs in a folder below the others.
std::string folder_of(const std::string& path) {
  const fs::path beside = fs::path(path).parent_path().empty() ? fs::path(".") : fs::path(path).parent_path();
  const fs::path above = beside / "..";
  return (has_companions(beside) || !has_companions(above) ? beside : above.lexically_normal()).string();
}

class OnnxModel final : public ModelFile {
 public:
  explicit OnnxModel(const std::string& path)
      : file_(std::make_shared<const OnnxFile>(path)), folder_(folder_of(path)) {
    std::error_code ignored;
    if (fs::is_regular_file(config_path(), ignored)) config_ = read_json_file(config_path());
  }

  ModelSource source() const override {
    return {.weights = *file_, .config = config_ ? &*config_ : nullptr, .config_path = config_path(), .onnx = file_};
  }
  std::shared_ptr<const Tokenizer> load_tokenizer(const TokenizerOptions& options) const override {
    return tokenizer_if_any(FolderFiles(folder_), options);
  }
  bool makes_vectors() const override { return has_sentence_modules(FolderFiles(folder_)); }
  SentenceModules sentence_modules(int64_t d_model) const override;
  std::string format() const override { return "onnx, opset " + std::to_string(file_->graph().opset); }
  std::string name() const override { return fs::path(file_->path()).stem().string(); }
  std::string architecture() const override { return config_ ? architecture_of(*config_) : ""; }
  std::string tokenizer_kind() const override {
    return FolderFiles(folder_).contains("tokenizer.json") ? "tokenizer.json" : "";
  }
  std::vector<std::pair<std::string, std::string>> metadata() const override;
  int64_t file_bytes() const override { return file_->file_bytes(); }

 private:
  std::string config_path() const { return folder_ + "/config.json"; }
  std::string names_of(const std::vector<OnnxPort>& ports) const {
    std::string names;
    for (const OnnxPort& port : ports) names += (names.empty() ? "" : ", ") + file_->graph().values[port.value];
    return names;
  }

  std::shared_ptr<const OnnxFile> file_;
  std::string folder_;
  std::optional<nlohmann::json> config_;
};

std::vector<std::pair<std::string, std::string>> OnnxModel::metadata() const {
  const OnnxGraph& graph = file_->graph();
  std::vector<std::pair<std::string, std::string>> result = {
      {"producer", graph.producer},           {"ir_version", std::to_string(graph.ir_version)},
      {"opset", std::to_string(graph.opset)}, {"nodes", std::to_string(graph.nodes.size())},
      {"inputs", names_of(graph.inputs)},     {"outputs", names_of(graph.outputs)}};
  for (const auto& [key, value] : graph.metadata) result.emplace_back(key, shown_value(std::string_view(value)));
  return result;
}

Pooling pooling_of(onnx::PooledBy how) {
  switch (how) {
    case onnx::PooledBy::first:
      return Pooling::cls;
    case onnx::PooledBy::last:
      return Pooling::last;
    case onnx::PooledBy::greatest:
      return Pooling::max;
    default:
      return Pooling::mean;
  }
}

// The graph may give hidden states for the modules that files name, or the vector of a text, or both.
SentenceModules OnnxModel::sentence_modules(int64_t d_model) const {
  const FolderFiles files(folder_);
  const bool has_modules = has_sentence_modules(files);
  const std::vector<OnnxPort>& outputs = file_->graph().outputs;
  const bool has_states_alone = outputs.size() == 1 && outputs[0].dims.size() == 3;
  SentenceModules modules = sentence_modules_of(files, d_model);
  if (has_modules && has_states_alone) return modules;
  const onnx::Outline outline = onnx::outline_of(file_);
  if (outline.gives_sentence()) {  // every row is the vector already
    modules.poolings = {Pooling::cls};
    modules.denses.clear();
    modules.is_normalized = outline.is_unit;
  } else if (!has_modules && outline.sentence != kNoOnnxValue) {
    modules.poolings = {pooling_of(outline.pooled)};
    modules.is_normalized = outline.is_unit;
  }
  return modules;
}

}  // namespace

std::optional<std::string> onnx_file_in(const std::string& folder) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().extension() == ".safetensors") return {};
  }
  for (const char* const name : {"model.onnx", "onnx/model.onnx"}) {
    const fs::path path = fs::path(folder) / name;
    if (fs::is_regular_file(path, ignored)) return path.string();
  }
  return {};
}

std::unique_ptr<ModelFile> open_onnx_model(const std::string& path) {
  return std::make_unique<OnnxModel>(path);
}

}  // namespace tidemill
