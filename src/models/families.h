// The families of models, a file each: how their configurations are read and their weights named.
// Each throws bad_file naming the field or tensor that is missing or does not fit.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "models/decoder.h"
#include "models/encoder.h"

namespace tidemill {

// Every family takes its row's name ("llama", "mistral"), by which rows of one family may differ.
std::unique_ptr<Model> make_bert(const ModelSource& source, std::string_view name);
std::unique_ptr<Model> make_distilbert(const ModelSource& source, std::string_view name);
std::unique_ptr<Model> make_gemma(const ModelSource& source, std::string_view name);
std::unique_ptr<Model> make_glm(const ModelSource& source, std::string_view name);
std::unique_ptr<Model> make_gpt2(const ModelSource& source, std::string_view name);
std::unique_ptr<Model> make_gptneox(const ModelSource& source, std::string_view name);
std::unique_ptr<Model> make_gptoss(const ModelSource& source, std::string_view name);
std::unique_ptr<Model> make_granite(const ModelSource& source, std::string_view name);
std::unique_ptr<Model> make_lfm2(const ModelSource& source, std::string_view name);
std::unique_ptr<Model> make_llama(const ModelSource& source, std::string_view name);
std::unique_ptr<Model> make_mamba(const ModelSource& source, std::string_view name);
std::unique_ptr<Model> make_mamba2(const ModelSource& source, std::string_view name);
std::unique_ptr<Model> make_modernbert(const ModelSource& source, std::string_view name);
std::unique_ptr<Model> make_mpnet(const ModelSource& source, std::string_view name);
std::unique_ptr<Model> make_nomic_bert(const ModelSource& source, std::string_view name);
std::unique_ptr<Model> make_olmo2(const ModelSource& source, std::string_view name);
std::unique_ptr<Model> make_phi(const ModelSource& source, std::string_view name);
std::unique_ptr<Model> make_phi3(const ModelSource& source, std::string_view name);
std::unique_ptr<Model> make_qwen(const ModelSource& source, std::string_view name);
std::unique_ptr<Model> make_qwen3next(const ModelSource& source, std::string_view name);
std::unique_ptr<Model> make_rwkv4(const ModelSource& source, std::string_view name);
std::unique_ptr<Model> make_rwkv5(const ModelSource& source, std::string_view name);
std::unique_ptr<Model> make_rwkv6(const ModelSource& source, std::string_view name);
std::unique_ptr<Model> make_rwkv7(const ModelSource& source, std::string_view name);
std::unique_ptr<Model> make_stablelm(const ModelSource& source, std::string_view name);
std::unique_ptr<Model> make_t5_encoder(const ModelSource& source, std::string_view name);

// How Llama, and most others in transformers, name their weights; `special` go before these.
std::vector<WeightName> llama_names(std::vector<WeightName> special = {});
// The same of Qwen's mixtures of experts, and how their configurations say which layers are some.
std::vector<WeightName> qwen_names(std::vector<WeightName> special = {});
void read_qwen_experts(const JsonConfig& get, DecoderConfig& config);
// Where a GGUF's names are not ours: joined projections and stacked experts.
std::vector<WeightName> gguf_names(bool is_joined, bool is_stacked = true);
// Of one that is read: where it has them.
std::vector<WeightName> gguf_names(const GgufFile& file);

}  // namespace tidemill
