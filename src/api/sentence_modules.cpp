#include "api/sentence_modules.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "api/onnx_model.h"
#include "formats/gguf.h"
#include "formats/json_file.h"
#include "formats/model_folder.h"
#include "tensor/dequantize.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr size_t kMostModules = 16;
constexpr int64_t kMostDenseFeatures = 1 << 16;

[[noreturn]] void fail(const std::string& file, const std::string& why) {
  throw Error(ErrorCode::bad_file, file + ": " + why + "; fetch the model again");
}

// A JSON object in a file, read field by field.
class Config {
 public:
  explicit Config(const std::string& file) : file_(file), object_(read_json_file(file)) {
    if (!object_.is_object()) fail(file_, "is not a JSON object");
  }
  const std::string& file() const { return file_; }

  std::optional<int64_t> integer(const char* name, int64_t least, int64_t most) const {
    const json* value = find(name);
    if (value == nullptr) return std::nullopt;
    const bool is_huge = value->is_number_unsigned() && value->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX);
    if (!value->is_number_integer() || is_huge || value->get<int64_t>() < least || value->get<int64_t>() > most)
      fail(file_, std::string("'") + name + "' must be from " + std::to_string(least) + " to " + std::to_string(most));
    return value->get<int64_t>();
  }
  bool boolean(const char* name, bool otherwise) const {
    const json* value = find(name);
    if (value == nullptr) return otherwise;
    if (!value->is_boolean()) fail(file_, std::string("'") + name + "' must be true or false");
    return value->get<bool>();
  }
  std::string text(const char* name) const {
    const json* value = find(name);
    if (value == nullptr) return {};
    if (!value->is_string()) fail(file_, std::string("'") + name + "' must be a string");
    return value->get<std::string>();
  }
  const json* find(const char* name) const {
    const auto found = object_.find(name);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }

 private:
  std::string file_;
  json object_;
};

std::optional<Config> config_at(const std::string& folder, const char* name) {
  std::error_code ignored;
  const std::string file = folder + "/" + name;
  return fs::exists(file, ignored) ? std::optional<Config>(std::in_place, file) : std::nullopt;
}

void read_pooling(const std::string& folder, int64_t d_model, SentenceModules& modules) {
  const Config config(folder + "/config.json");
  const int64_t dimension = config.integer("word_embedding_dimension", 1, kMostDenseFeatures).value_or(d_model);
  if (dimension != d_model)
    fail(config.file(),
         "'word_embedding_dimension' is " + std::to_string(dimension) + ", the model's is " + std::to_string(d_model));
  modules.poolings.clear();
  for (const PoolingName& known : pooling_names())
    if (config.boolean(("pooling_mode_" + std::string(known.name)).c_str(), false))
      modules.poolings.push_back(known.pooling);
  if (modules.poolings.empty())
    fail(config.file(), "names no pooling that is known, such as 'pooling_mode_mean_tokens'");
  modules.counts_prompt = config.boolean("include_prompt", true);
}

DenseActivation activation_of(const Config& config) {
  const std::string name = config.text("activation_function");
  if (name.empty() || name.ends_with(".Tanh")) return DenseActivation::tanh;
  if (name.ends_with(".Identity")) return DenseActivation::identity;
  if (name.ends_with(".ReLU")) return DenseActivation::relu;
  throw Error(ErrorCode::unsupported, config.file() + ": 'activation_function' is '" + printable(name, 100) +
                                          "'; Tanh, ReLU and Identity are known");
}

std::vector<float> values_of(const Weights& weights, const char* name, const Shape& shape) {
  const Tensor tensor = weights.require(name, shape);
  std::vector<float> values(static_cast<size_t>(shape.n_elements()));
  dequantize(tensor.dtype(), tensor.data(), values);
  return values;
}

void read_dense(const std::string& folder, int64_t n_in, SentenceModules& modules) {
  const Config config(folder + "/config.json");
  Dense dense;
  dense.n_in = config.integer("in_features", 1, kMostDenseFeatures).value_or(0);
  dense.n_out = config.integer("out_features", 1, kMostDenseFeatures).value_or(0);
  if (dense.n_in != n_in)
    fail(config.file(), "'in_features' is " + std::to_string(dense.n_in) + ", what comes has " + std::to_string(n_in));
  if (dense.n_out == 0) fail(config.file(), "'out_features' is missing");
  dense.activation = activation_of(config);
  const auto weights = open_safetensors_weights(folder);
  dense.weight = values_of(*weights, "linear.weight", {dense.n_out, dense.n_in});
  if (config.boolean("bias", true)) dense.bias = values_of(*weights, "linear.bias", {dense.n_out});
  modules.denses.push_back(std::move(dense));
}

// A folder beside modules.json, and nothing beyond.
std::string module_folder(const std::string& path, const std::string& file, const json& module) {
  const json& name = module.contains("path") ? module["path"] : json("");
  const bool is_plain = name.is_string() && name != ".." && name != "." &&
                        name.get_ref<const std::string&>().find_first_of(std::string("/\\\0", 3)) == std::string::npos;
  if (!is_plain) fail(file, "the 'path' of a module must be the name of a folder beside it");
  return path + "/" + name.get<std::string>();
}

void read_module(const std::string& path, const std::string& file, const json& module, int64_t d_model,
                 SentenceModules& modules) {
  if (!module.is_object() || !module.contains("type") || !module["type"].is_string())
    fail(file, "each module must be an object with a 'type'");
  const std::string type = module["type"].get<std::string>();
  const std::string kind = type.substr(type.rfind('.') + 1);
  const std::string folder = module_folder(path, file, module);
  if (kind == "Transformer") {
    if (folder != path + "/")
      throw Error(ErrorCode::unsupported,
                  file + ": the model lies in '" + printable(folder, 200) + "'; move its files beside modules.json");
  } else if (kind == "Pooling") {
    read_pooling(folder, d_model, modules);
  } else if (kind == "Dense") {
    read_dense(folder, modules.dimensions(d_model), modules);
  } else if (kind == "Normalize") {
    modules.is_normalized = true;  // it has no files
  } else if (kind != "Dropout") {
    throw Error(ErrorCode::unsupported, file + ": the module '" + printable(type, 100) +
                                            "' is not known; Transformer, Pooling, Dense and Normalize are");
  }
  if (kind == "Dense" && modules.is_normalized)
    throw Error(ErrorCode::unsupported, file + ": Dense after Normalize is not known; put Normalize last");
}

void read_prompts(const std::string& folder, SentenceModules& modules) {
  const auto config = config_at(folder, "config_sentence_transformers.json");
  if (!config) return;
  if (const json* prompts = config->find("prompts")) {
    if (!prompts->is_object()) fail(config->file(), "'prompts' must be an object");
    for (const auto& [name, prompt] : prompts->items()) {
      if (!prompt.is_string()) fail(config->file(), "'prompts' must hold texts");
      modules.prompts[name] = prompt.get<std::string>();
    }
  }
  modules.default_prompt = config->text("default_prompt_name");
  if (!modules.default_prompt.empty() && !modules.prompts.contains(modules.default_prompt))
    fail(config->file(), "'default_prompt_name' is not among 'prompts'");
}

std::string modules_file(const std::string& folder) {
  return folder + "/modules.json";
}

SentenceModules read_folder(const std::string& path, int64_t d_model) {
  SentenceModules modules;
  modules.max_tokens = max_tokens_of_folder(path);
  read_prompts(path, modules);
  const std::string file = modules_file(path);
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return modules;
  const json list = read_json_file(file);
  if (!list.is_array() || list.empty() || list.size() > kMostModules) fail(file, "must be a list of modules");
  for (const json& module : list) read_module(path, file, module, d_model, modules);
  return modules;
}

std::string pooling_key(const GgufFile& file) {
  return std::string(file.string("general.architecture").value_or("")) + ".pooling_type";
}

// By llama.cpp's numbers.
bool is_pooling(int64_t type) {
  return type >= 1 && type <= 3;
}

// llama.cpp's: layers after the pooling, without biases and activations.
void read_gguf_denses(const GgufFile& file, int64_t d_model, SentenceModules& modules) {
  for (const char* name : {"dense_2.weight", "dense_3.weight"}) {
    const auto tensor = file.find(name);
    if (!tensor) continue;
    const int64_t n_in = modules.dimensions(d_model);
    const bool fits = tensor->shape().rank() == 2 && tensor->dim(1) == n_in && tensor->dim(0) <= kMostDenseFeatures;
    if (!fits)
      fail(file.path(), std::string(name) + " does not take the " + std::to_string(n_in) + " numbers before it");
    Dense dense;
    dense.n_in = n_in;
    dense.n_out = tensor->dim(0);
    dense.weight = values_of(file, name, tensor->shape());
    modules.denses.push_back(std::move(dense));
  }
}

SentenceModules read_gguf(const std::string& path, int64_t d_model) {
  const GgufFile file(path);
  const std::string key = pooling_key(file);
  SentenceModules modules{.is_normalized = true};
  read_gguf_denses(file, d_model, modules);
  const int64_t type = file.integer(key).value_or(1);
  if (!is_pooling(type))
    throw Error(ErrorCode::unsupported, path + ": " + key + " is " + std::to_string(type) +
                                            "; 1 (mean), 2 (first token) and 3 (last token) make vectors");
  constexpr Pooling kPoolings[] = {Pooling::mean, Pooling::cls, Pooling::last};
  modules.poolings = {kPoolings[type - 1]};
  return modules;
}

}  // namespace

bool makes_vectors(const ModelSource& source, const std::string& path) {
  if (source.gguf != nullptr) return is_pooling(source.gguf->integer(pooling_key(*source.gguf)).value_or(0));
  std::error_code ignored;
  return fs::exists(modules_file(path), ignored);
}

int64_t max_tokens_of_folder(const std::string& folder) {
  if (const auto config = config_at(folder, "sentence_bert_config.json")) {
    if (config->boolean("do_lower_case", false))
      throw Error(ErrorCode::unsupported,
                  config->file() + ": 'do_lower_case' is not supported; use a tokenizer that does it");
    if (const auto length = config->integer("max_seq_length", 1, INT32_MAX)) return *length;
  }
  const auto config = config_at(folder, "tokenizer_config.json");
  const json* length = config ? config->find("model_max_length") : nullptr;  // 1e30 where there is none
  const bool is_length = length != nullptr && length->is_number_integer() && *length > 0 && *length < INT32_MAX;
  return is_length ? length->get<int64_t>() : 0;
}

int64_t SentenceModules::dimensions(int64_t d_model) const {
  return denses.empty() ? d_model * static_cast<int64_t>(poolings.size()) : denses.back().n_out;
}

SentenceModules sentence_modules_of_folder(const std::string& path, int64_t d_model) {
  return read_folder(path, d_model);
}

SentenceModules read_sentence_modules(const std::string& path, int64_t d_model) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    if (const auto graph = onnx_file_in(path)) return onnx_sentence_modules(*graph, d_model);
    return read_folder(path, d_model);
  }
  if (path.ends_with(kOnnxEnding)) return onnx_sentence_modules(path, d_model);
  if (path.ends_with(".gguf")) return read_gguf(path, d_model);
  throw Error(ErrorCode::unsupported,
              path + ": does not say how texts become vectors; give the folder or GGUF that it was made of");
}

}  // namespace tidemill
