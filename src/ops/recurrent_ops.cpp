// Shapes of the operations that recurrent models are made of.
#include <string>

#include "ops/checks.h"
#include "ops/ops.h"

namespace tidemill {

using namespace ops_checks;

void Ops::lerp_all(const Tensor& x, const Tensor& y, std::span<const Tensor> shares, std::span<Tensor> outs) {
  expect_alike("lerp: x", x, "lerp: y", y);
  for (size_t j = 0; j < shares.size(); ++j) {
    if (shares[j].shape().rank() == 1) {
      expect_row("lerp: a share", shares[j], x);
    } else {
      expect_alike("lerp: x", x, "lerp: a share", shares[j]);
    }
    outs[j] = arena_.allocate(DType::f32, x.shape());
  }
  kernels_.run(op::Lerp{x, y, shares, outs});
}

Tensor Ops::previous_rows(const Tensor& x, std::span<const StateRun> runs, int64_t slot) {
  expect_activation("previous_rows: x", x, 2);
  const SlotPart part{slot, x.dim(1)};
  expect_slots("previous_rows: x", x, runs, part);
  const Tensor out = arena_.allocate(DType::f32, x.shape());
  kernels_.run(op::PreviousRows{x, runs, part, out});
  return out;
}

Tensor Ops::causal_conv(const Tensor& x, const Tensor& weight, const Tensor& bias, std::span<const StateRun> runs,
                        int64_t slot) {
  expect_activation("causal_conv: x", x, 2);
  expect_activation("causal_conv: weight", weight, 2);
  if (weight.dim(0) < 1 || weight.dim(1) != x.dim(1)) {
    fail("causal_conv: x is " + text(x) + " and the weight " + text(weight) +
         "; x [n_rows, d] takes a weight [kernel, d]");
  }
  if (!bias.empty()) expect_row("causal_conv: bias", bias, x);
  const SlotPart part{slot, (weight.dim(0) - 1) * x.dim(1)};
  expect_slots("causal_conv: x", x, runs, part);
  const Tensor out = arena_.allocate(DType::f32, x.shape());
  kernels_.run(op::CausalConv{x, weight, bias, runs, part, out});
  return out;
}

Tensor Ops::selective_scan(const ScanInputs& inputs, const ScanOptions& options, std::span<const StateRun> runs,
                           int64_t slot) {
  const auto& [x, step, a, b, c, skip] = inputs;
  const int64_t n_heads = options.n_heads, n_groups = options.n_groups, size = options.state_size;
  if (n_heads < 1 || options.head_dim < 1 || n_groups < 1 || size < 1 || n_heads % n_groups != 0) {
    fail("selective_scan: n_heads " + std::to_string(n_heads) + ", head_dim " + std::to_string(options.head_dim) +
         ", n_groups " + std::to_string(n_groups) + ", state_size " + std::to_string(size) +
         "; counts are positive and n_groups divides n_heads");
  }
  expect_activation("selective_scan: x", x, 2);
  const int64_t n_rows = x.dim(0), width = n_heads * options.head_dim;
  expect_shaped("selective_scan: x", x, {n_rows, width});
  expect_shaped("selective_scan: step", step, {n_rows, n_heads});
  expect_shaped("selective_scan: a", a,
                a.shape().rank() == 1 || options.head_dim > 1 ? Shape{n_heads} : Shape{size, n_heads});
  expect_shaped("selective_scan: b", b, {n_rows, n_groups * size});
  expect_shaped("selective_scan: c", c, {n_rows, n_groups * size});
  expect_shaped("selective_scan: skip", skip, {n_heads});
  const SlotPart part{slot, width * size};
  expect_slots("selective_scan: x", x, runs, part);
  const Tensor out = arena_.allocate(DType::f32, x.shape());
  kernels_.run(op::SelectiveScan{x, step, a, b, c, skip, runs, options, part, out});
  return out;
}

Tensor Ops::wkv4(const Tensor& k, const Tensor& v, const Tensor& decay, const Tensor& bonus,
                 std::span<const StateRun> runs, int64_t slot) {
  expect_activation("wkv4: k", k, 2);
  expect_alike("wkv4: k", k, "wkv4: v", v);
  expect_row("wkv4: decay", decay, k);
  expect_row("wkv4: bonus", bonus, k);
  const SlotPart part{slot, 3 * k.dim(1)};
  expect_slots("wkv4: k", k, runs, part);
  const Tensor out = arena_.allocate(DType::f32, k.shape());
  kernels_.run(op::Wkv4{k, v, decay, bonus, runs, part, out});
  return out;
}

Tensor Ops::wkv(const WkvInputs& inputs, int64_t n_heads, std::span<const StateRun> runs, int64_t slot) {
  const auto& [r, k, v, decay, bonus] = inputs;
  expect_activation("wkv: r", r, 2);
  expect_alike("wkv: r", r, "wkv: k", k);
  expect_alike("wkv: r", r, "wkv: v", v);
  expect_divides("wkv: n_heads", n_heads, r);
  if (decay.shape().rank() == 2) {
    expect_alike("wkv: r", r, "wkv: decay", decay);
  } else {
    expect_shaped("wkv: decay", decay, {decay.n_elements() == n_heads ? n_heads : r.dim(1)});
  }
  expect_shaped("wkv: bonus", bonus, {bonus.n_elements() == n_heads ? n_heads : r.dim(1)});
  const SlotPart part{slot, r.dim(1) * (r.dim(1) / n_heads)};
  expect_slots("wkv: r", r, runs, part);
  const Tensor out = arena_.allocate(DType::f32, r.shape());
  kernels_.run(op::Wkv{r, k, v, decay, bonus, runs, n_heads, part, out});
  return out;
}

Tensor Ops::delta_rule(const DeltaInputs& inputs, int64_t n_heads, std::span<const StateRun> runs, int64_t slot) {
  const auto& [r, decay, k, v, erase, change] = inputs;
  expect_activation("delta_rule: r", r, 2);
  for (const Tensor& other : {decay, k, v, erase, change}) expect_alike("delta_rule: r", r, "delta_rule: input", other);
  expect_divides("delta_rule: n_heads", n_heads, r);
  const SlotPart part{slot, r.dim(1) * (r.dim(1) / n_heads)};
  expect_slots("delta_rule: r", r, runs, part);
  const Tensor out = arena_.allocate(DType::f32, r.shape());
  kernels_.run(op::DeltaRule{r, decay, k, v, erase, change, runs, n_heads, part, out});
  return out;
}

Tensor Ops::gated_delta_rule(const GatedDeltaInputs& inputs, int64_t n_key_heads, std::span<const StateRun> runs,
                             int64_t slot) {
  const auto& [q, k, v, step, a, rate] = inputs;
  expect_activation("gated_delta_rule: q", q, 2);
  expect_alike("gated_delta_rule: q", q, "gated_delta_rule: k", k);
  expect_divides("gated_delta_rule: n_key_heads", n_key_heads, q);
  expect_activation("gated_delta_rule: a", a, 1);
  expect_divides("gated_delta_rule: n_key_heads", n_key_heads, a);
  const int64_t n_rows = q.dim(0), n_heads = a.dim(0);
  expect_shaped("gated_delta_rule: v", v, {n_rows, v.shape().last()});
  expect_divides("gated_delta_rule: n_heads", n_heads, v);
  expect_shaped("gated_delta_rule: step", step, {n_rows, n_heads});
  expect_shaped("gated_delta_rule: rate", rate, {n_rows, n_heads});
  const SlotPart part{slot, v.dim(1) * (q.dim(1) / n_key_heads)};
  expect_slots("gated_delta_rule: v", v, runs, part);
  const Tensor out = arena_.allocate(DType::f32, v.shape());
  kernels_.run(op::GatedDeltaRule{q, k, v, step, a, rate, runs, n_key_heads, part, out});
  return out;
}

Tensor Ops::head_bonus(const Tensor& x, const BonusInputs& inputs, int64_t n_heads) {
  const auto& [r, k, v, weight] = inputs;
  expect_activation("head_bonus: x", x, 2);
  for (const Tensor& other : {r, k, v}) expect_alike("head_bonus: x", x, "head_bonus: input", other);
  expect_row("head_bonus: weight", weight, x);
  expect_divides("head_bonus: n_heads", n_heads, x);
  kernels_.run(op::HeadBonus{x, r, k, v, weight, n_heads, x});
  return x;
}

}  // namespace tidemill
