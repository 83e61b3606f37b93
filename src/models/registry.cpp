#include "models/registry.h"

#include <string>

#include "models/families.h"
#include "models/json_config.h"
#include "models/onnx/onnx_encoder.h"

namespace tidemill {
namespace {

using Make = std::unique_ptr<Model> (*)(const ModelSource& source, std::string_view name);

struct Row {
  Architecture architecture;
  Make make;
};

// clang-format off
constexpr Row kRows[] = {
    // name        GGUF        config.json             as users know it
    {{"bert",     "bert",     "BertModel",            "BERT, with RoBERTa's GGUFs"},   make_bert},
    {{"bert",     "",         "BertForMaskedLM",      "BERT beneath its head"},        make_bert},
    {{"bert",     "",         "BertForSequenceClassification", "BERT as a reranker"}, make_bert},
    {{"distilbert", "",       "DistilBertModel",      "DistilBERT; its GGUFs are bert's"}, make_distilbert},
    {{"distilbert", "",       "DistilBertForMaskedLM", "DistilBERT beneath its head"}, make_distilbert},
    {{"gemma",    "gemma",    "GemmaForCausalLM",     "Gemma 1"},                      make_gemma},
    {{"gemma2",   "gemma2",   "Gemma2ForCausalLM",    "Gemma 2"},                      make_gemma},
    {{"gemma3",   "gemma3",   "Gemma3ForCausalLM",    "Gemma 3, text"},                make_gemma},
    {{"gemma-embedding", "gemma-embedding", "Gemma3TextModel", "EmbeddingGemma"},      make_gemma},
    {{"gemma3",   "",         "Gemma3ForConditionalGeneration", "Gemma 3 that sees, its text part"}, make_gemma},
    {{"glm",      "",         "GlmForCausalLM",       "GLM-4 of 2024"},                make_glm},
    {{"glm4",     "glm4",     "Glm4ForCausalLM",      "GLM-4 of 2025"},                make_glm},
    {{"gpt2",     "gpt2",     "GPT2LMHeadModel",      "GPT-2"},                        make_gpt2},
    {{"gptneox",  "gptneox",  "GPTNeoXForCausalLM",   "GPT-NeoX, Pythia"},             make_gptneox},
    {{"gptoss",   "gpt-oss",  "GptOssForCausalLM",    "gpt-oss"},                      make_gptoss},
    {{"granite",  "granite",  "GraniteForCausalLM",   "Granite 3"},                    make_granite},
    {{"granitemoe", "granitemoe", "GraniteMoeForCausalLM", "Granite 3 with experts"},  make_granite},
    {{"granitehybrid", "",    "GraniteMoeHybridForCausalLM", "Granite 4 without Mamba"}, make_granite},
    {{"lfm2",     "lfm2",     "Lfm2ForCausalLM",      "LFM2"},                         make_lfm2},
    {{"llama",    "llama",    "LlamaForCausalLM",     "Llama 1 to 3, SmolLM 1 and 2"}, make_llama},
    {{"mamba",    "mamba",    "MambaForCausalLM",     "Mamba 1"},                      make_mamba},
    {{"mamba2",   "mamba2",   "Mamba2ForCausalLM",    "Mamba 2"},                      make_mamba2},
    {{"mistral",  "",         "MistralForCausalLM",   "Mistral; its GGUFs are llama's"}, make_llama},
    {{"mixtral",  "",         "MixtralForCausalLM",   "Mixtral; its GGUFs are llama's"}, make_llama},
    {{"modern-bert", "modern-bert", "ModernBertModel", "ModernBERT"},                  make_modernbert},
    {{"modern-bert", "",      "ModernBertForMaskedLM", "ModernBERT beneath its head"}, make_modernbert},
    {{"mpnet",    "",         "MPNetModel",           "MPNet"},                        make_mpnet},
    {{"mpnet",    "",         "MPNetForMaskedLM",     "MPNet beneath its head"},       make_mpnet},
    {{"nomic-bert", "nomic-bert", "NomicBertModel",   "NomicBERT"},                    make_nomic_bert},
    {{"olmo2",    "olmo2",    "Olmo2ForCausalLM",     "OLMo 2"},                       make_olmo2},
    {{"olmoe",    "olmoe",    "OlmoeForCausalLM",     "OLMoE"},                        make_olmo2},
    {{"phi2",     "phi2",     "PhiForCausalLM",       "Phi-1, 1.5 and 2"},             make_phi},
    {{"phi3",     "phi3",     "Phi3ForCausalLM",      "Phi-3, Phi-4 mini"},            make_phi3},
    {{"qwen2",    "qwen2",    "Qwen2ForCausalLM",     "Qwen 2 and 2.5"},               make_qwen},
    {{"qwen2moe", "qwen2moe", "Qwen2MoeForCausalLM",  "Qwen 1.5 and 2 with experts"},  make_qwen},
    {{"qwen3",    "qwen3",    "Qwen3ForCausalLM",     "Qwen 3"},                       make_qwen},
    {{"qwen3moe", "qwen3moe", "Qwen3MoeForCausalLM",  "Qwen 3 with experts"},          make_qwen},
    {{"qwen3next", "qwen3next", "Qwen3NextForCausalLM", "Qwen 3 Next"},                 make_qwen3next},
    {{"roberta",  "",         "RobertaModel",         "RoBERTa"},                      make_bert},
    {{"roberta",  "",         "RobertaForMaskedLM",   "RoBERTa beneath its head"},     make_bert},
    {{"roberta",  "",         "XLMRobertaModel",      "XLM-R"},                        make_bert},
    {{"roberta",  "",         "XLMRobertaForMaskedLM", "XLM-R beneath its head"},      make_bert},
    {{"roberta",  "",         "RobertaForSequenceClassification", "RoBERTa as a reranker"}, make_bert},
    {{"roberta",  "",         "XLMRobertaForSequenceClassification", "XLM-R as a reranker"}, make_bert},
    {{"rwkv",     "",         "RwkvForCausalLM",      "RWKV-4 of transformers"},       make_rwkv4},
    {{"rwkv4",    "",         "Rwkv4",                "RWKV-4"},                       make_rwkv4},
    {{"rwkv5",    "",         "Rwkv5",                "RWKV-5.1 and 5.2"},             make_rwkv5},
    {{"rwkv6",    "rwkv6",    "Rwkv6",                "RWKV-6"},                       make_rwkv6},
    {{"rwkv7",    "rwkv7",    "Rwkv7",                "RWKV-7"},                       make_rwkv7},
    {{"smollm3",  "smollm3",  "SmolLM3ForCausalLM",   "SmolLM 3"},                     make_llama},
    {{"stablelm", "stablelm", "StableLmForCausalLM",  "StableLM 2"},                   make_stablelm},
    {{"t5encoder", "t5encoder", "T5EncoderModel",     "T5, its encoder"},              make_t5_encoder},
};
// clang-format on

std::string architecture_of_gguf(const GgufFile& file) {
  const auto name = file.string("general.architecture");
  if (!name)
    throw Error(ErrorCode::bad_file, file.path() + ": general.architecture is missing; is this the GGUF of a model?");
  return std::string(*name);
}

std::string architecture_of_config(const ModelSource& source) {
  const JsonConfig get = json_config(source);
  const std::vector<std::string> names = get.texts("architectures");
  if (names.empty()) get.fail("architectures", "is empty");
  return names.front();
}

// The model whose layers alone are called `name`, where it has no row of its own.
std::string with_head(std::string_view name) {
  if (!names_layers_alone(name)) return {};
  const std::string stem(name.substr(0, name.size() - std::string_view("Model").size()));
  for (const std::string_view head : {"ForCausalLM", "LMHeadModel"})
    for (const Row& row : kRows)
      if (row.architecture.transformers == stem + std::string(head)) return stem + std::string(head);
  return {};
}

}  // namespace

std::unique_ptr<Model> make_model(const ModelSource& source) {
  if (source.onnx) return make_onnx_encoder(source);
  const bool is_gguf = source.gguf != nullptr;
  const std::string wanted = is_gguf ? architecture_of_gguf(*source.gguf) : architecture_of_config(source);
  const std::string whole = is_gguf ? std::string() : with_head(wanted);
  for (const auto& [architecture, make] : kRows) {
    const std::string_view name = is_gguf ? architecture.gguf : architecture.transformers;
    if (!name.empty() && (name == wanted || name == whole)) return make(source, architecture.name);
  }
  throw Error(ErrorCode::unsupported, (is_gguf ? source.gguf->path() : source.config_path) + ": architecture '" +
                                          printable(wanted, 100) +
                                          "' is not built; `tidemill models --architectures` lists those that are");
}

std::vector<Architecture> architectures() {
  std::vector<Architecture> result;
  for (const Row& row : kRows) result.push_back(row.architecture);
  return result;
}

}  // namespace tidemill
