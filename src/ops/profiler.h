// Kernels that keep a record of what the kernels inside them take.
#pragma once

#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "ops/backend.h"
#include "ops/kernels.h"
#include "tidemill/profile.h"

namespace tidemill {

// `take` may be called from any thread, all else from one at a time.  Two looks at the clock, a lock and a look at a
// table are added to every operation.
class ProfiledKernels final : public Kernels {
 public:
  // `inner` outlives this object.  With Precision::f32 no operation counts as one of int8.
  ProfiledKernels(Kernels& inner, Precision precision) : inner_(inner), precision_(precision) {}

  // Says what a weight is called, "blk.0.attn_q.weight"; layers are not told apart.
  void remember(const Tensor& weight, std::string_view name);

  void run(const Operation& operation) override;

  // What was run since the last call of this.
  Profile take();

 private:
  ProfileRow& row_of(const Operation& operation);
  ProfileRow& row_of_weights(std::string_view kind, std::span<const Tensor> weights);
  ProfileRow& row_named(ProfileRow named);

  Kernels& inner_;
  Precision precision_;
  std::unordered_map<const void*, std::string> names_;
  std::mutex mutex_;                                         // of the two below
  std::unordered_map<const void*, size_t> rows_of_weights_;  // first weight of a product -> index of its row
  Profile rows_;
};

}  // namespace tidemill
