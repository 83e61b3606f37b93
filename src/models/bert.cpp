// BERT (Devlin et al. 2019, arXiv:1810.04805), RoBERTa (Liu et al. 2019, arXiv:1907.11692) and XLM-R (Conneau et al.
// 2020, arXiv:1911.02116).  Reference: transformers, BertModel, RobertaModel and XLMRobertaModel.
#include "models/families.h"

namespace tidemill {
namespace {

EncoderConfig from_json(const ModelSource& source, std::string_view name) {
  const JsonConfig get = json_config(source);
  EncoderConfig config = encoder_config(get, name);
  config.activation = activation_named(get, "hidden_act", "gelu");
  config.n_types = get.count_or("type_vocab_size", EncoderLimits::kTypes, 2);
  config.n_position_rows = config.model.context_length;
  if (const std::string kind = get.text_or("position_embedding_type", "absolute"); kind != "absolute")
    get.fail("position_embedding_type", "is '" + kind + "', which is not supported (absolute is)");
  if (name == "bert") return config;
  read_roberta_positions(get, config);
  return config;
}

std::vector<WeightName> names(const ModelSource& source, const std::string& prefix) {
  std::vector<WeightName> all = {
      {"token_embd", "embeddings.word_embeddings"},
      {"position_embd", "embeddings.position_embeddings"},
      {"token_types", "embeddings.token_type_embeddings"},
      {"token_embd_norm", "embeddings.LayerNorm"},
      {"blk.*.attn_q", "encoder.layer.*.attention.self.query"},
      {"blk.*.attn_k", "encoder.layer.*.attention.self.key"},
      {"blk.*.attn_v", "encoder.layer.*.attention.self.value"},
      {"blk.*.attn_output", "encoder.layer.*.attention.output.dense"},
      {"blk.*.attn_output_norm", "encoder.layer.*.attention.output.LayerNorm"},
      {"blk.*.ffn_up", "encoder.layer.*.intermediate.dense"},
      {"blk.*.ffn_down", "encoder.layer.*.output.dense"},
      {"blk.*.layer_output_norm", "encoder.layer.*.output.LayerNorm"},
  };
  if (source.weights.find(prefix + "embeddings.LayerNorm.gamma")) {  // as the first files, from TensorFlow, call them
    all.insert(all.end(), {
                              {"token_embd_norm.weight", "embeddings.LayerNorm.gamma"},
                              {"token_embd_norm.bias", "embeddings.LayerNorm.beta"},
                              {"blk.*.attn_output_norm.weight", "encoder.layer.*.attention.output.LayerNorm.gamma"},
                              {"blk.*.attn_output_norm.bias", "encoder.layer.*.attention.output.LayerNorm.beta"},
                              {"blk.*.layer_output_norm.weight", "encoder.layer.*.output.LayerNorm.gamma"},
                              {"blk.*.layer_output_norm.bias", "encoder.layer.*.output.LayerNorm.beta"},
                          });
  }
  return all;
}

}  // namespace

std::unique_ptr<Model> make_bert(const ModelSource& source, std::string_view name) {
  if (source.gguf != nullptr)
    return make_encoder(encoder_config(GgufConfig(*source.gguf, std::string(name)), name), source,
                        gguf_names(*source.gguf));
  const std::string prefix =
      prefix_in(source, name == "bert" ? "bert." : "roberta.", "embeddings.word_embeddings.weight");
  return make_encoder(from_json(source, name), source, names(source, prefix), prefix);
}

}  // namespace tidemill
