#include "api/sentence_files.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "formats/json_file.h"
#include "formats/safetensors.h"
#include "tensor/dequantize.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using nlohmann::json;

constexpr size_t kMostModules = 16;
constexpr const char* kModules = "modules.json";
constexpr const char* kPrompts = "config_sentence_transformers.json";
constexpr const char* kModuleConfig = "/config.json";  // in a module's folder
constexpr const char* kModuleWeights = "/model.safetensors";

[[noreturn]] void fail(const std::string& file, const std::string& why) {
  throw Error(ErrorCode::bad_file, file + ": " + why + "; fetch the model again");
}

// A JSON object in a file, read field by field.
class Config {
 public:
  Config(const CompanionFiles& files, const std::string& name)
      : file_(files.path(name)), object_(parse_json(files.text(name), file_)) {
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

std::optional<Config> config_if_any(const CompanionFiles& files, const std::string& name) {
  return files.contains(name) ? std::optional<Config>(std::in_place, files, name) : std::nullopt;
}

void read_pooling(const Config& config, int64_t d_model, SentenceModules& modules) {
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

void read_dense(const CompanionFiles& files, const std::string& folder, int64_t n_in, SentenceModules& modules) {
  const Config config(files, folder + kModuleConfig);
  Dense dense;
  dense.n_in = config.integer("in_features", 1, kMostDenseFeatures).value_or(0);
  dense.n_out = config.integer("out_features", 1, kMostDenseFeatures).value_or(0);
  if (dense.n_in != n_in)
    fail(config.file(), "'in_features' is " + std::to_string(dense.n_in) + ", what comes has " + std::to_string(n_in));
  if (dense.n_out == 0) fail(config.file(), "'out_features' is missing");
  dense.activation = activation_of(config);
  const std::string name = folder + kModuleWeights;
  const auto weights = SafetensorsFile::from_memory(std::as_bytes(std::span(files.text(name))), files.path(name));
  dense.weight = to_floats(weights.require("linear.weight", {dense.n_out, dense.n_in}));
  if (config.boolean("bias", true)) dense.bias = to_floats(weights.require("linear.bias", {dense.n_out}));
  modules.denses.push_back(std::move(dense));
}

// A row of modules.json.
struct Module {
  std::string type;    // "sentence_transformers.models.Pooling"
  std::string kind;    // its last word
  std::string folder;  // beside modules.json, and nothing beyond; empty: where that lies

  bool has_files() const { return kind == "Pooling" || kind == "Dense"; }
};

Module read_module(const std::string& file, const json& row) {
  if (!row.is_object() || !row.contains("type") || !row["type"].is_string())
    fail(file, "each module must be an object with a 'type'");
  const json& name = row.contains("path") ? row["path"] : json("");
  const bool is_plain = name.is_string() && name != ".." && name != "." &&
                        name.get_ref<const std::string&>().find_first_of(std::string("/\\\0", 3)) == std::string::npos;
  if (!is_plain) fail(file, "the 'path' of a module must be the name of a folder beside it");
  Module module{.type = row["type"].get<std::string>(), .kind = {}, .folder = name.get<std::string>()};
  module.kind = module.type.substr(module.type.rfind('.') + 1);
  if (module.has_files() && module.folder.empty()) fail(file, "the module '" + module.kind + "' has no 'path'");
  return module;
}

// Empty where there is no modules.json.
std::vector<Module> read_modules(const CompanionFiles& files) {
  if (!has_sentence_modules(files)) return {};
  const std::string file = files.path(kModules);
  const json list = parse_json(files.text(kModules), file);
  if (!list.is_array() || list.empty() || list.size() > kMostModules) fail(file, "must be a list of modules");
  std::vector<Module> modules;
  for (const json& row : list) modules.push_back(read_module(file, row));
  return modules;
}

void add_module(const CompanionFiles& files, const Module& module, int64_t d_model, SentenceModules& modules) {
  const std::string file = files.path(kModules);
  if (module.kind == "Pooling") {
    read_pooling(Config(files, module.folder + kModuleConfig), d_model, modules);
  } else if (module.kind == "Dense") {
    read_dense(files, module.folder, modules.dimensions(d_model), modules);
  } else if (module.kind == "Normalize") {
    modules.is_normalized = true;  // it has no files
  } else if (module.kind != "Transformer" && module.kind != "Dropout") {
    throw Error(ErrorCode::unsupported, file + ": the module '" + printable(module.type, 100) +
                                            "' is not known; Transformer, Pooling, Dense and Normalize are");
  }
  if (module.kind == "Dense" && modules.is_normalized)
    throw Error(ErrorCode::unsupported, file + ": Dense after Normalize is not known; put Normalize last");
}

// What the transformer's module is configured by; older files are named by the kind of model.
std::string transformer_config_name(const CompanionFiles& files) {
  constexpr std::array<const char*, 7> kNames = {"sentence_bert_config.json",       "sentence_roberta_config.json",
                                                 "sentence_distilbert_config.json", "sentence_camembert_config.json",
                                                 "sentence_albert_config.json",     "sentence_xlm-roberta_config.json",
                                                 "sentence_xlnet_config.json"};
  const auto found = std::ranges::find_if(kNames, [&](const char* name) { return files.contains(name); });
  return found == kNames.end() ? kNames[0] : *found;
}

// `own` is the transformer's configuration.
int64_t max_tokens_of(const CompanionFiles& files, const std::optional<Config>& own) {
  if (const auto length = own ? own->integer("max_seq_length", 1, INT32_MAX) : std::nullopt) return *length;
  const auto config = config_if_any(files, "tokenizer_config.json");
  const json* length = config ? config->find("model_max_length") : nullptr;  // 1e30 where there is none
  const bool is_length = length != nullptr && length->is_number_integer() && *length > 0 && *length < INT32_MAX;
  return is_length ? length->get<int64_t>() : 0;
}

void read_prompts(const CompanionFiles& files, SentenceModules& modules) {
  const auto config = config_if_any(files, kPrompts);
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

}  // namespace

FolderFiles model_files(const std::string& folder) {
  FolderFiles beside(folder);
  for (const Module& module : read_modules(beside))
    if (module.kind == "Transformer" && !module.folder.empty())
      return FolderFiles(folder + "/" + module.folder, folder);
  return beside;
}

bool has_sentence_modules(const CompanionFiles& files) {
  return files.contains(kModules);
}

std::vector<std::string> sentence_file_names(const CompanionFiles& files) {
  std::vector<std::string> names = {kModules, kPrompts, transformer_config_name(files)};
  for (const Module& module : read_modules(files)) {
    if (!module.has_files()) continue;
    names.push_back(module.folder + kModuleConfig);
    names.push_back(module.folder + kModuleWeights);
  }
  std::erase_if(names, [&](const std::string& name) { return !files.contains(name); });
  return names;
}

int64_t max_tokens_of(const CompanionFiles& files) {
  return max_tokens_of(files, config_if_any(files, transformer_config_name(files)));
}
SentenceModules sentence_modules_of(const CompanionFiles& files, int64_t d_model) {
  SentenceModules modules;
  const auto own = config_if_any(files, transformer_config_name(files));
  modules.max_tokens = max_tokens_of(files, own);
  modules.lowers_case = own && own->boolean("do_lower_case", false);
  read_prompts(files, modules);
  for (const Module& module : read_modules(files)) add_module(files, module, d_model, modules);
  return modules;
}

}  // namespace tidemill
