// The CPU: kernels written once with Highway and dispatched to the best instruction set at run time (isa.h).
#pragma once

#include <deque>
#include <vector>

#include "backends/cpu/attention.h"
#include "backends/cpu/experts.h"
#include "backends/cpu/matmul.h"
#include "backends/vector_store.h"
#include "backends/weight_memory.h"
#include "ops/backend.h"
#include "sys/thread_pool.h"

namespace tidemill {

// Keeps matrices and embeddings as panels (tensor/panels.h) in memory of its own, quantised as they came, or, matrices
// in floats, in what Precision::bf16 and int8 say; those that are in panels already stay where they are.  What int8
// says is Q8_0, and for encoders int8 with a scale for each row (tensor/int8_panels.h), which is quicker where many
// rows meet each weight; to the next token of a decoder its error is too large.  Embeddings of encoders, which give no
// scores, stay rows.  The state is f16, or f32 with
// Precision::f32.  One call at a time.
class CpuBackend final : public Backend, private Kernels {
 public:
  // `pool` outlives the backend.  Throws invalid_argument when TIDEMILL_ISA names a set that the machine lacks.
  CpuBackend(ThreadPool& pool, Precision precision, bool is_encoder = false);

  std::string_view name() const override { return "cpu"; }
  Kernels& kernels() override { return *this; }
  Tensor adopt(const Tensor& weight, WeightRole role, const Copied& copied = {}) override;
  HeldWeight adopt_apart(const Tensor& weight, WeightRole role) override;
  HeldWeight adopt_rows(const Tensor& outline, WeightRole role, const Rows& rows) override;
  Tensor replace(const Tensor& adopted, const Tensor& weight, WeightRole role) override;
  DType state_dtype() const override { return precision_ == Precision::f32 ? DType::f32 : DType::f16; }
  int64_t weight_bytes() const override { return vectors_.size_bytes() + panels_.size_bytes(); }

 private:
  void run(const Operation& operation) override;
  // A matrix as it will be laid out, at no place yet.
  Tensor planned(const Tensor& weight, WeightRole role);
  // Lays it out at `memory`, which has `panel_bytes` of what is planned.
  Tensor lay_out(const Tensor& outline, const Rows& rows, const Tensor& planned, std::byte* memory);
  const int32_t* keep_order(const Tensor& weight);

  ThreadPool& pool_;
  Precision precision_;
  bool is_encoder_;
  MatmulContext matmul_;
  Attention attention_;
  ExpertProducts experts_;
  VectorStore vectors_;
  WeightMemory panels_{32 << 20};
  std::deque<std::vector<int32_t>> orders_;  // of columns; each once, so that weights which share an input see that
};

}  // namespace tidemill
