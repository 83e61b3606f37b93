// MPNet: RoBERTa without kinds of tokens and with T5's bias by distance.
// Song et al. 2020, arXiv:2004.09297.  Reference: transformers, MPNetModel.
#include "models/families.h"

namespace tidemill {
namespace {

EncoderConfig from_json(const ModelSource& source, std::string_view name) {
  const JsonConfig get = json_config(source);
  EncoderConfig config = encoder_config(get, name);
  config.activation = activation_named(get, "hidden_act", "gelu");
  read_roberta_positions(get, config);
  config.n_buckets = get.count_or("relative_attention_num_buckets", EncoderLimits::kBuckets, 32);
  config.farthest = 128;  // no field says it
  check_buckets(config, get, "relative_attention_num_buckets");
  return config;
}

constexpr WeightName kNames[] = {
    {"token_embd", "embeddings.word_embeddings"},
    {"position_embd", "embeddings.position_embeddings"},
    {"token_embd_norm", "embeddings.LayerNorm"},
    {"attn_rel_b", "encoder.relative_attention_bias"},
    {"blk.*.attn_q", "encoder.layer.*.attention.attn.q"},
    {"blk.*.attn_k", "encoder.layer.*.attention.attn.k"},
    {"blk.*.attn_v", "encoder.layer.*.attention.attn.v"},
    {"blk.*.attn_output", "encoder.layer.*.attention.attn.o"},
    {"blk.*.attn_output_norm", "encoder.layer.*.attention.LayerNorm"},
    {"blk.*.ffn_up", "encoder.layer.*.intermediate.dense"},
    {"blk.*.ffn_down", "encoder.layer.*.output.dense"},
    {"blk.*.layer_output_norm", "encoder.layer.*.output.LayerNorm"},
};

}  // namespace

std::unique_ptr<Model> make_mpnet(const ModelSource& source, std::string_view name) {
  const std::string prefix = prefix_in(source, "mpnet.", "embeddings.word_embeddings.weight");
  return make_encoder(from_json(source, name), source, kNames, prefix);
}

}  // namespace tidemill
