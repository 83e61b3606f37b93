// Backend: one device that computes.  It implements Kernels and keeps weights in the layout that its kernels read.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "ops/kernels.h"
#include "ops/weight_versions.h"
#include "tidemill/precision.h"
#include "tidemill/tensor.h"

namespace tidemill {

// How a model uses a weight; a backend lays each kind out differently.
enum class WeightRole {
  vector,     // norm weights, biases, decays, of any shape: read element by element, as f32
  matrix,     // [N, K], the right-hand side of matmul
  embedding,  // [vocab_size, d_model], rows looked up by id
  head,       // [vocab_size, d_model], for scores of the vocabulary alone
  tied_head,  // the same where rows are looked up by id as well
};

constexpr bool gives_scores(WeightRole role) {
  return role == WeightRole::head || role == WeightRole::tied_head;
}

class Backend {
 public:
  virtual ~Backend() = default;

  virtual std::string_view name() const = 0;  // "cpu"
  virtual Kernels& kernels() = 0;
  // Makes `weight` readable for the kernels and returns the tensor to use in its place.  The result either is `weight`
  // itself or lives in memory of the backend; in that case `copied` is called with each part of the original, in order,
  // once it has been copied, so that a mapped file can leave memory while it is read.
  // Throws unsupported when the backend cannot compute with that dtype.
  using Copied = std::function<void(const Tensor& part)>;
  virtual Tensor adopt(const Tensor& weight, WeightRole role, const Copied& copied = {}) = 0;
  // The same in memory of its own, for weights that come and go: nothing of it refers to `weight`.
  virtual HeldWeight adopt_apart(const Tensor& weight, WeightRole role) = 0;
  // Rows [begin, end) of a matrix, readable until the next call.
  using Rows = std::function<Tensor(int64_t begin, int64_t end)>;
  // The same of a matrix that is nowhere as a whole: `outline` has its dtype and shape, and `rows` is asked for some
  // megabytes at a time, each row once and in order.
  virtual HeldWeight adopt_rows(const Tensor& outline, WeightRole role, const Rows& rows) = 0;
  // The same in the memory of `adopted`, another weight of that shape, dtype and role which nobody reads meanwhile;
  // where that is no memory of the backend's, or cannot be written, in other memory.
  virtual Tensor replace(const Tensor& adopted, const Tensor& weight, WeightRole role) = 0;
  // dtype of the key/value state that `kernels().attention` reads.
  virtual DType state_dtype() const = 0;
  // Bytes of weights in the backend's own memory.
  virtual int64_t weight_bytes() const = 0;
};

}  // namespace tidemill
