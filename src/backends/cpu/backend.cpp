#include "backends/cpu/backend.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <variant>
#include <vector>

#include "backends/cpu/activation.h"
#include "backends/cpu/elementwise.h"
#include "backends/cpu/embed.h"
#include "backends/cpu/isa.h"
#include "backends/cpu/norm.h"
#include "backends/cpu/pack.h"
#include "backends/cpu/pack_int8.h"
#include "backends/cpu/project.h"
#include "backends/cpu/recurrent.h"
#include "backends/cpu/rope.h"
#include "backends/cpu/scores.h"
#include "tensor/blocks.h"
#include "tensor/dequantize.h"
#include "tensor/half.h"
#include "tensor/int8_panels.h"
#include "tensor/panels.h"
#include "tensor/quantize.h"

namespace tidemill {
namespace {

constexpr int64_t kAdoptBytes = 8 << 20;  // of a weight that are in memory twice while it is packed

bool is_float(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16;
}

// What matrices in floats are kept in, of rows of n_cols numbers.
DType rounded_dtype(Precision precision, DType dtype, int64_t n_cols) {
  if (precision == Precision::bf16 && is_float(dtype)) return DType::bf16;
  if (precision == Precision::int8 && is_float(dtype) && n_cols % BlockQ8_0::kLength == 0) return DType::q8_0;
  return dtype;
}

// Rows of floats, for Q8_0 whole blocks each, as `dtype` in `memory`.
Tensor rounded_rows(ThreadPool& pool, const Tensor& rows, DType dtype, std::vector<std::byte>& memory) {
  const int64_t width = rows.dim(1), row_bytes = size_bytes(dtype, {width});
  memory.resize(static_cast<size_t>(rows.dim(0) * row_bytes));
  pool.parallel_for(rows.dim(0), kPanelRows, [&](int64_t begin, int64_t end, int) {
    std::vector<float> values(static_cast<size_t>(width));
    for (int64_t row = begin; row < end; ++row) {
      std::byte* const target = memory.data() + row * row_bytes;
      dequantize(rows.dtype(), rows.row<const std::byte>(row), values);
      if (dtype == DType::q8_0) {
        quantize_q8_0(values, target);
      } else {
        std::ranges::transform(values, reinterpret_cast<uint16_t*>(target), f32_to_bf16);
      }
    }
  });
  return Tensor(memory.data(), dtype, rows.shape());
}

Backend::Rows rows_of(const Tensor& weight) {
  return [&weight](int64_t begin, int64_t end) { return weight.slice(0, begin, end); };
}

// Of a matrix as it will be laid out.
int64_t bytes_of(const Tensor& planned) {
  if (planned.layout() == Layout::rows) return size_bytes(planned.dtype(), planned.shape());
  return is_int8_panels(planned) ? int8_panel_bytes(planned.dim(0), planned.dim(1))
                                 : panel_bytes(planned.dtype(), planned.dim(0), planned.dim(1));
}

}  // namespace

CpuBackend::CpuBackend(ThreadPool& pool, Precision precision, bool is_encoder)
    : pool_(pool),
      precision_(precision),
      is_encoder_(is_encoder),
      matmul_(pool, precision),
      attention_(pool),
      experts_(matmul_) {
  select_isa();
}

Tensor CpuBackend::adopt(const Tensor& weight, WeightRole role, const Copied& copied) {
  if (role == WeightRole::vector) return vectors_.keep(weight);
  if (weight.layout() != Layout::rows) return weight.with_column_order(keep_order(weight));
  const Tensor plan = planned(weight, role);
  std::byte* const memory = panels_.take(bytes_of(plan));
  int64_t n_read = 0;
  const auto tell = [&](int64_t end) {
    if (copied && end > n_read) copied(weight.slice(0, n_read, end));
    n_read = end;
  };
  const auto rows = [&](int64_t begin, int64_t end) {
    tell(begin);
    return weight.slice(0, begin, end);
  };
  const Tensor panels = lay_out(weight, rows, plan, memory);
  tell(weight.dim(0));
  return panels;
}

HeldWeight CpuBackend::adopt_apart(const Tensor& weight, WeightRole role) {
  if (role == WeightRole::vector) return VectorStore::keep_apart(weight);
  return adopt_rows(weight, role, rows_of(weight));
}

HeldWeight CpuBackend::adopt_rows(const Tensor& outline, WeightRole role, const Rows& rows) {
  const Tensor plan = planned(outline, role);
  auto memory = std::make_shared<Storage>(bytes_of(plan));
  const Tensor panels = lay_out(outline, rows, plan, memory->data());
  return {.tensor = panels, .memory = std::move(memory)};
}

Tensor CpuBackend::replace(const Tensor& adopted, const Tensor& weight, WeightRole role) {
  if (role == WeightRole::vector) return vectors_.replace(adopted, weight);
  const Tensor plan = planned(weight, role);
  if (!panels_.owns(adopted.data()) || plan.dtype() != adopted.dtype() || plan.layout() != adopted.layout())
    return adopt(weight, role);
  return lay_out(weight, rows_of(weight), plan, adopted.as<std::byte>());
}

Tensor CpuBackend::planned(const Tensor& weight, WeightRole role) {
  if (weight.shape().rank() != 2) {
    throw Error(ErrorCode::invalid_argument,
                "matrix weight: its shape is " + weight.shape().to_string() + "; give a tensor of rank 2");
  }
  if (is_encoder_ && precision_ == Precision::int8 && role == WeightRole::matrix && is_float(weight.dtype()) &&
      weight.dim(1) <= kMostInt8Columns && weight.column_order() == nullptr) {
    return Tensor(nullptr, DType::i8, weight.shape()).with_panels(nullptr);
  }
  // Rows that are looked up and never multiplied: in panels each number of a row lies in another line of cache.
  if (is_encoder_ && role == WeightRole::embedding && has_panels(weight.dtype()) && weight.column_order() == nullptr) {
    return Tensor(nullptr, weight.dtype(), weight.shape());
  }
  const bool is_looked_up = role == WeightRole::embedding || role == WeightRole::tied_head;
  const DType dtype = is_looked_up ? weight.dtype() : rounded_dtype(precision_, weight.dtype(), weight.dim(1));
  const bool is_halved =
      gives_scores(role) && precision_ != Precision::f32 && is_worth_halving(dtype, weight.dim(0), weight.dim(1));
  return Tensor(nullptr, dtype, weight.shape())
      .with_panels(nullptr, is_halved ? Layout::halved_panels : Layout::panels)
      .with_column_order(keep_order(weight));
}

Tensor CpuBackend::lay_out(const Tensor& outline, const Rows& rows, const Tensor& planned, std::byte* memory) {
  const DType dtype = planned.dtype();
  const bool is_rounded = dtype != outline.dtype();
  const Tensor panels = planned.layout() == Layout::rows ? Tensor(memory, dtype, planned.shape())
                                                         : planned.with_panels(memory, planned.layout());
  // Whole panels at a time: a large matrix never lies in memory twice.
  const int64_t row_bytes = size_bytes(outline.dtype(), {outline.dim(1)});
  const int64_t n_rows = std::max<int64_t>(1, kAdoptBytes / (row_bytes * kPanelRows)) * kPanelRows;
  std::vector<std::byte> blocks;
  for (int64_t begin = 0; begin < outline.dim(0); begin += n_rows) {
    const Tensor part = rows(begin, std::min(outline.dim(0), begin + n_rows));
    if (panels.layout() == Layout::rows) {
      for (int64_t row = 0; row < part.dim(0); ++row)
        std::memcpy(panels.row<std::byte>(begin + row), part.row<std::byte>(row), static_cast<size_t>(row_bytes));
    } else if (is_int8_panels(panels)) {
      pack_int8_part(pool_, part, begin / kPanelRows, panels);
    } else {
      pack_part(pool_, is_rounded ? rounded_rows(pool_, part, dtype, blocks) : part, begin / kPanelRows, panels);
    }
  }
  return panels;
}

const int32_t* CpuBackend::keep_order(const Tensor& weight) {
  if (weight.column_order() == nullptr) return nullptr;
  const std::span<const int32_t> order(weight.column_order(), static_cast<size_t>(weight.dim(1)));
  const auto known = std::ranges::find_if(orders_, [&](const auto& one) { return std::ranges::equal(one, order); });
  return known != orders_.end() ? known->data() : orders_.emplace_back(order.begin(), order.end()).data();
}

void CpuBackend::run(const Operation& operation) {
  std::visit(
      [this](const auto& one) {
        using Op = std::decay_t<decltype(one)>;
        if constexpr (std::is_same_v<Op, op::Matmul>) {
          matmul(matmul_, one.xs, one.weights, one.outs);
        } else if constexpr (std::is_same_v<Op, op::Project>) {
          compute(matmul_, one);
        } else if constexpr (std::is_same_v<Op, op::Scores>) {
          find_scores(matmul_, one);
        } else if constexpr (std::is_same_v<Op, op::ExpertMatmul>) {
          experts_.compute(one);
        } else if constexpr (std::is_same_v<Op, op::Attention>) {
          attention_.compute(one);
        } else {
          compute(pool_, one);
        }
      },
      operation);
}

}  // namespace tidemill
