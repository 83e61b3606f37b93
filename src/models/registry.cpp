#include "models/registry.h"

#include <string>

#include "models/families.h"

namespace tidemill {
namespace {

struct Architecture {
  std::string_view name;          // general.architecture of a GGUF, where llama.cpp has it
  std::string_view transformers;  // a name in "architectures" of a config.json; empty: none
  std::unique_ptr<Model> (*make)(const ModelSource& source, std::string_view name);
};

constexpr Architecture kArchitectures[] = {
    {"gemma", "GemmaForCausalLM", make_gemma},       {"gemma2", "Gemma2ForCausalLM", make_gemma},
    {"gemma3", "Gemma3ForCausalLM", make_gemma},     {"gpt2", "GPT2LMHeadModel", make_gpt2},
    {"gptneox", "GPTNeoXForCausalLM", make_gptneox}, {"llama", "LlamaForCausalLM", make_llama},
    {"mamba", "MambaForCausalLM", make_mamba},       {"mistral", "MistralForCausalLM", make_llama},
    {"mixtral", "MixtralForCausalLM", make_llama},   {"olmo2", "Olmo2ForCausalLM", make_olmo2},
    {"phi3", "Phi3ForCausalLM", make_phi3},          {"qwen2", "Qwen2ForCausalLM", make_qwen},
    {"qwen3", "Qwen3ForCausalLM", make_qwen},        {"qwen3moe", "Qwen3MoeForCausalLM", make_qwen},
    {"smollm3", "SmolLM3ForCausalLM", make_llama},
};

std::string architecture_of_gguf(const GgufFile& file) {
  const auto name = file.string("general.architecture");
  if (!name)
    throw Error(ErrorCode::bad_file, file.path() + ": general.architecture is missing; is this the GGUF of a model?");
  return std::string(*name);
}

std::string architecture_of_config(const ModelSource& source) {
  const JsonConfig get(*source.config, source.config_path + ": ");
  const std::vector<std::string> names = get.texts("architectures");
  if (names.empty()) get.fail("architectures", "is empty");
  return names.front();
}

}  // namespace

std::unique_ptr<Model> make_model(const ModelSource& source) {
  const bool is_gguf = source.gguf != nullptr;
  const std::string wanted = is_gguf ? architecture_of_gguf(*source.gguf) : architecture_of_config(source);
  std::string known;
  for (const Architecture& architecture : kArchitectures) {
    const std::string_view name = is_gguf ? architecture.name : architecture.transformers;
    if (name == wanted) return architecture.make(source, architecture.name);
    if (!name.empty()) known += (known.empty() ? "" : ", ") + std::string(name);
  }
  throw Error(ErrorCode::unsupported, (is_gguf ? source.gguf->path() : source.config_path) + ": architecture '" +
                                          wanted + "' is not built; this version runs " + known);
}

std::vector<std::string_view> architecture_names() {
  std::vector<std::string_view> names;
  for (const Architecture& architecture : kArchitectures) names.push_back(architecture.name);
  return names;
}

}  // namespace tidemill
