// What all versions of RWKV share: embedding, norms, head, configuration, how layers name their weights.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/model.h"
#include "models/recurrent_config.h"
#include "models/source.h"
#include "models/weight_loader.h"

namespace tidemill {

struct RwkvConfig {
  ModelConfig model;
  int64_t d_ff = 0;
  int64_t n_heads = 1, head_dim = 0;  // from version 5 on
  float norm_eps = 1e-5f;
  float group_norm_eps = 64e-5f;
  int64_t rescale_every = 0;  // x is halved after so many layers, whose output weights are too (against f16's range)
};

// Of a folder in the layout of the training code, with or without heads.  Throws bad_file.
RwkvConfig rwkv_config(const JsonConfig& get, std::string_view architecture);
RwkvConfig rwkv_config(const GgufConfig& get, std::string_view architecture);
// Reads the number and the size of heads.
void read_heads(const JsonConfig& get, RwkvConfig& config);

// How the authors' training code names the weights that versions 4 to 7 share; `special` go before these.
std::vector<WeightName> rwkv_names(std::vector<WeightName> special);

// The rank of a low-rank product: the length of an axis of its first weight.  Throws bad_file when it is missing.
int64_t low_rank(const Weights& weights, const std::string& name, int axis);

struct AffineNorm {
  Tensor weight, bias;  // [d_model]
};

// Lists the weights of one layer.
struct LayerLister {
  const Model::Lister& list;
  std::string prefix;  // "blk.0."

  void vector(const std::string& name, Tensor& tensor, int64_t width) const {
    list({prefix + name, &tensor, {width}, WeightRole::vector});
  }
  void matrix(const std::string& name, Tensor& tensor, int64_t d_out, int64_t d_in) const {
    list({prefix + name, &tensor, {d_out, d_in}, WeightRole::matrix});
  }
  void norm(const std::string& name, AffineNorm& norm, int64_t width) const {
    vector(name + ".weight", norm.weight, width);
    vector(name + ".bias", norm.bias, width);
  }
};

class Rwkv : public Model {
 public:
  StateSpec state_spec() const final;
  Tensor logits(Ops& ops, const Tensor& hidden, const ScoreReach& reach) const final;
  void list_params(const Lister& list) final;

 protected:
  // `state_size` is what time mixing keeps beside the two rows before.
  Rwkv(const RwkvConfig& config, int64_t state_size) : own_(config), state_size_(state_size) { config_ = own_.model; }
  // For constructors, once the layers are there.
  void load(const ModelSource& source, std::span<const WeightName> names,
            std::span<const std::string_view> ignored = {});

  virtual void list_layer(const LayerLister& layer, int64_t index) = 0;

  Tensor normed(Ops& ops, const Tensor& x, const AffineNorm& norm) const;
  Tensor embedded(Ops& ops, const Batch& batch) const;                 // [n_tokens, d_model]
  Tensor output(Ops& ops, const Tensor& x, const Batch& batch) const;  // [n_outputs, d_model]

  // Where a layer's slot holds what: the row before of time mixing, that of channel mixing, the state.
  int64_t time_slot() const { return 0; }
  int64_t channel_slot() const { return config_.d_model; }
  int64_t state_slot() const { return 2 * config_.d_model; }

  RwkvConfig own_;

 private:
  int64_t state_size_;
  Tensor embedding_;  // [vocab_size, d_model]
  Tensor head_;       // [vocab_size, d_model]
  AffineNorm embedding_norm_, output_norm_;
};

// Versions 4 to 6: their time mixing differs, their channel mixing, the feed-forward network, does not.
class ChannelMixedRwkv : public Rwkv {
 public:
  Tensor forward(Ops& ops, const Batch& batch) const final;

 protected:
  // What the shares of the channel mixing are shares of: the row itself, or the one before it.
  enum class Shares : uint8_t { of_row, of_previous };

  ChannelMixedRwkv(const RwkvConfig& config, int64_t state_size, Shares shares)
      : Rwkv(config, state_size), shares_(shares), frames_(static_cast<size_t>(config.model.n_layers)) {}

  virtual void list_time_mix(const LayerLister& list, int64_t index) = 0;
  virtual Tensor time_mix(Ops& ops, const Tensor& h, int64_t index, std::span<const StateRun> runs) const = 0;

 private:
  // A layer but for its time mixing.
  struct Frame {
    AffineNorm time_norm, channel_norm;
    Tensor share_k, share_r;  // [d_model]
    Tensor key;               // [d_ff, d_model]
    Tensor receptance;        // [d_model, d_model]
    Tensor value;             // [d_model, d_ff]
  };

  void list_layer(const LayerLister& list, int64_t index) final;
  Tensor channel_mix(Ops& ops, const Tensor& h, const Frame& frame, std::span<const StateRun> runs) const;

  Shares shares_;
  std::vector<Frame> frames_;
};

}  // namespace tidemill
