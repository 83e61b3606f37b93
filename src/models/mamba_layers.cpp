#include "models/mamba_layers.h"

namespace tidemill {

void MambaLayers::load(const ModelSource& source, std::span<const WeightName> names) {
  WeightLoader loader(source.weights, names, {}, loaded_);
  list_params([&](const Parameter& parameter) { loader.load(parameter); });
  loader.expect_all_used({});
}

void MambaLayers::list_params(const Lister& list) {
  const int64_t d_model = config_.d_model;
  list({"token_embd.weight", &embedding_, {config_.vocab_size, d_model}, embedding_role(output_)});
  list({"output_norm.weight", &final_norm_, {d_model}, WeightRole::vector});
  list({"output.weight", &output_, {config_.vocab_size, d_model}, WeightRole::head, true});
  for (int64_t index = 0; index < config_.n_layers; ++index) {
    const auto add = [&](const std::string& name, Tensor& tensor, const Shape& shape, WeightRole role) {
      list({"blk." + std::to_string(index) + "." + name, &tensor, shape, role});
    };
    add("attn_norm.weight", norms_[static_cast<size_t>(index)], {d_model}, WeightRole::vector);
    list_layer(add, index);
  }
}

StateSpec MambaLayers::state_spec() const {
  return {std::vector<LayerStateSpec>(norms_.size(), {.slot_size = slot_size()})};
}

Tensor MambaLayers::forward(Ops& ops, const Batch& batch) const {
  Tensor x = ops.embed(embedding_, batch.tokens);  // [n_tokens, d_model]
  for (int64_t index = 0; index < config_.n_layers; ++index) {
    const Ops::Scope layer_memory(ops);
    const Tensor h = ops.rms_norm(x, norms_[static_cast<size_t>(index)], norm_eps_);
    x = ops.add_to(x, mixed(ops, h, index, batch.runs(index)));
  }
  return ops.rms_norm(ops.gather_rows(x, batch.output_rows), final_norm_, norm_eps_);
}

Tensor MambaLayers::logits(Ops& ops, const Tensor& hidden, const ScoreReach& reach) const {
  return ops.scores(hidden, output_.empty() ? embedding_ : output_, reach);
}

}  // namespace tidemill
