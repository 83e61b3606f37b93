// The CPU: kernels written once with Highway and dispatched to the best instruction set at run time (isa.h).
#pragma once

#include <vector>

#include "backends/cpu/attention.h"
#include "backends/cpu/matmul.h"
#include "backends/vector_store.h"
#include "ops/backend.h"
#include "sys/thread_pool.h"
#include "tensor/storage.h"

namespace tidemill {

// Keeps matrices and embeddings as panels (panels.h) in memory of its own, quantised as they came.  The state is f16,
// or f32 with Precision::f32.  One call at a time.
class CpuBackend final : public Backend, private Kernels {
 public:
  // `pool` outlives the backend.  Throws invalid_argument when TIDEMILL_ISA names a set that the machine lacks.
  CpuBackend(ThreadPool& pool, Precision precision);

  std::string_view name() const override { return "cpu"; }
  Kernels& kernels() override { return *this; }
  Tensor adopt(const Tensor& weight, WeightRole role, const Copied& copied = {}) override;
  DType state_dtype() const override { return precision_ == Precision::f32 ? DType::f32 : DType::f16; }
  int64_t weight_bytes() const override;

 private:
  void embed(const Tensor& table, std::span<const int32_t> ids, float scale, Tensor out) override;
  void gather_rows(const Tensor& x, std::span<const int32_t> rows, Tensor out) override;
  void rms_norm(const Tensor& x, const Tensor& weight, float eps, Tensor out) override;
  void matmul(const Tensor& x, std::span<const Tensor> weights, std::span<const Tensor> outs) override;
  void add(const Tensor& a, const Tensor& b, Tensor out) override;
  void gelu_mul(const Tensor& gate, const Tensor& up, Tensor out) override;
  void rope_table(std::span<const int32_t> positions, const Tensor& inv_freq, Tensor out) override;
  void rope(const Tensor& x, const Tensor& table, Tensor out) override;
  void attention(const Tensor& q, const Tensor& k, const Tensor& v, std::span<const KvRun> runs,
                 const AttentionOptions& options, Tensor out) override;

  ThreadPool& pool_;
  Precision precision_;
  MatmulContext matmul_;
  Attention attention_;
  VectorStore vectors_;
  std::vector<Storage> panels_;
};

}  // namespace tidemill
