// Kernels for batches whose rows belong to several fine-tunes of one base.
//
// An operation whose weights no row has replaced runs once for all rows, so that the base is read once.  Another one
// runs for each stretch of rows that have the same weights, with the fine-tune's versions of them.  A row of a result
// depends on its own inputs only (operations.h), so each row gets the bits that it would get alone.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ops/kernels.h"
#include "ops/weight_versions.h"

namespace tidemill {

// Rows of a batch that follow each other and have the same weights.
struct VariantRows {
  WeightVersions* versions = nullptr;  // null: those of the base
  int64_t n_rows = 0;
};

// For one caller at a time.
class VariantKernels final : public Kernels {
 public:
  // `inner` outlives this object.
  explicit VariantKernels(Kernels& inner) : inner_(inner) {}

  // Operations to come are over these rows, or over a multiple of each, such as one for each head; from a gathering of
  // some of them on (op::GatherRows) over those.  Sequences (StateRun) lie within one of `rows`.
  void set_rows(std::span<const VariantRows> rows);

  // Throws what WeightVersions::find throws, and internal when an operation is over other rows.
  void run(const Operation& operation) override;

 private:
  // Rows [begin, end) of the batch, which have the same weights.
  struct Stretch {
    int64_t begin, end;
    WeightVersions* versions;  // null: of those weights, no version is wanted
  };

  template <typename Op>
  void run_split(const Op& operation);
  void run_matmul(const op::Matmul& operation);
  void gather(const op::GatherRows& operation);

  bool is_replaced(const Tensor& weight) const;
  void find_stretches(std::span<const Tensor> weights);

  Tensor own(const Tensor& weight, const Stretch& stretch);
  std::span<const Tensor> own_all(std::span<const Tensor> weights, const Stretch& stretch, std::vector<Tensor>& memory);
  Tensor cut(const Tensor& rows, const Stretch& stretch) const;
  std::span<const Tensor> cut_all(std::span<const Tensor> all, const Stretch& stretch,
                                  std::vector<Tensor>& memory) const;
  std::span<const StateRun> cut_runs(std::span<const StateRun> runs, const Stretch& stretch);

  op::Embed part(const op::Embed& operation, const Stretch& stretch);
  op::RmsNorm part(const op::RmsNorm& operation, const Stretch& stretch);
  op::LayerNorm part(const op::LayerNorm& operation, const Stretch& stretch);
  op::L2Norm part(const op::L2Norm& operation, const Stretch& stretch);
  op::Matmul part(const op::Matmul& operation, const Stretch& stretch);
  op::Project part(const op::Project& operation, const Stretch& stretch);
  op::Scores part(const op::Scores& operation, const Stretch& stretch);
  op::AddRow part(const op::AddRow& operation, const Stretch& stretch);
  op::Attention part(const op::Attention& operation, const Stretch& stretch);
  op::ExpertMatmul part(const op::ExpertMatmul& operation, const Stretch& stretch);
  op::Lerp part(const op::Lerp& operation, const Stretch& stretch);
  op::CausalConv part(const op::CausalConv& operation, const Stretch& stretch);
  op::SelectiveScan part(const op::SelectiveScan& operation, const Stretch& stretch);
  op::Wkv4 part(const op::Wkv4& operation, const Stretch& stretch);
  op::Wkv part(const op::Wkv& operation, const Stretch& stretch);
  op::GatedDeltaRule part(const op::GatedDeltaRule& operation, const Stretch& stretch);
  op::HeadBonus part(const op::HeadBonus& operation, const Stretch& stretch);

  Kernels& inner_;
  std::vector<VariantRows> rows_;
  int64_t n_rows_ = 0;    // of all
  bool is_plain_ = true;  // all are the base's
  // Of the operation that runs; they keep their capacity, so a step allocates nothing.
  std::vector<Tensor> weights_;
  std::vector<Stretch> stretches_;
  std::vector<Tensor> xs_, versions_, biases_, outs_;
  std::vector<Tensor> common_xs_, common_weights_, common_outs_;
  std::vector<StateRun> runs_;
  std::vector<HeldWeight> held_;
};

}  // namespace tidemill
