// TokenMixer: what a decoder's layer may have in place of attention, a recurrence whose state is of one size whatever
// the number of positions.  A hybrid model is a decoder some of whose layers have one.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ops/backend.h"
#include "ops/ops.h"

namespace tidemill {

// One layer's; immutable once its weights are in place.
class TokenMixer {
 public:
  virtual ~TokenMixer() = default;

  // Calls `list` once for each weight, by its name within the layer.
  using Lister = std::function<void(const std::string& name, Tensor& tensor, const Shape& shape, WeightRole role)>;
  virtual void list_params(const Lister& list) = 0;
  // Numbers of a sequence's slot.
  virtual int64_t slot_size() const = 0;
  // h: [n_tokens, d_model], normalised; as h.
  virtual Tensor mixed(Ops& ops, const Tensor& h, std::span<const StateRun> runs) const = 0;
};

// Of each layer, none where it has attention.
using TokenMixers = std::vector<std::unique_ptr<TokenMixer>>;

}  // namespace tidemill
