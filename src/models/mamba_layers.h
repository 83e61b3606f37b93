// What both Mambas share: layers that add to x what they make of it, an embedding before them and a head after them.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "models/model.h"
#include "models/source.h"
#include "models/weight_loader.h"

namespace tidemill {

class MambaLayers : public Model {
 public:
  StateSpec state_spec() const final;
  Tensor forward(Ops& ops, const Batch& batch) const final;
  Tensor logits(Ops& ops, const Tensor& hidden, const ScoreReach& reach) const final;
  void list_params(const Lister& list) final;

 protected:
  MambaLayers(const ModelConfig& config, float norm_eps) : norm_eps_(norm_eps) {
    config_ = config;
    norms_.resize(static_cast<size_t>(config.n_layers));
  }
  // For constructors, once the layers are there.
  void load(const ModelSource& source, std::span<const WeightName> names);

  // Lists one weight of a layer, by its name within the layer.
  using LayerLister = std::function<void(const std::string& name, Tensor& tensor, const Shape& shape, WeightRole role)>;
  virtual void list_layer(const LayerLister& list, int64_t index) = 0;
  virtual int64_t slot_size() const = 0;
  // h: [n_tokens, d_model], normalised.
  virtual Tensor mixed(Ops& ops, const Tensor& h, int64_t index, std::span<const StateRun> runs) const = 0;

  float norm_eps_;

 private:
  Tensor embedding_;           // [vocab_size, d_model]
  Tensor output_;              // [vocab_size, d_model]; empty when the head is tied to the embedding
  std::vector<Tensor> norms_;  // of each layer, [d_model]
  Tensor final_norm_;
};

}  // namespace tidemill
