// Squares of as many rows as a register has lanes are transposed in registers.  A model of floats is nothing but this
// at load, as fast as memory goes: what is written for later goes past the caches, which it would only sweep.
#include "backends/cpu/pack_floats.h"

#include <algorithm>
#include <cstring>

#include "tensor/panels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/pack_floats.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
// After foreach_target.h, which includes this file once per target.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "backends/cpu/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

// The rows of a panel, those past the last one absent.
struct PanelSource {
  const uint8_t* first;
  int64_t stride;
  int n_rows;

  HWY_INLINE const uint8_t* row(int r) const { return first + r * stride; }
};

// Elements [k, end) one by one.
template <typename T>
void pack_rest(const PanelSource& source, int64_t k, int64_t end, uint8_t* target) {
  for (; k < end; ++k) {
    T column[kPanelRows] = {};
    for (int r = 0; r < source.n_rows; ++r) {
      std::memcpy(&column[r], source.row(r) + k * static_cast<int64_t>(sizeof(T)), sizeof(T));
    }
    std::memcpy(target + k * static_cast<int64_t>(sizeof(column)), column, sizeof(column));
  }
}

#if HWY_TARGET != HWY_SCALAR

using FloatTag = hn::ScalableTag<float>;
using FloatVec = hn::Vec<FloatTag>;
constexpr int kLanes = static_cast<int>(kFloatLanes);

// A whole vector to where it goes.
template <PanelUse kUse, class D>
HWY_INLINE void put(hn::Vec<D> vector, D d, hn::TFromD<D>* target) {
  if constexpr (kUse == PanelUse::later) {
    hn::Stream(vector, d, target);
  } else {
    hn::Store(vector, d, target);
  }
}

// A column of words of 32 bits where its 16 rows go: one f32 each.
template <PanelUse kUse>
HWY_INLINE void put_column(FloatVec words, float* target) {
  put<kUse>(words, FloatTag(), target);
}

// Likewise where a word holds elements k and k + 1 of 16 bits.
template <PanelUse kUse>
HWY_INLINE void put_column(FloatVec words, uint16_t* target) {
  const hn::RebindToUnsigned<FloatTag> d32;
  const hn::Repartition<uint16_t, decltype(d32)> d16;
  const hn::Half<decltype(d16)> half;
  const auto pairs = hn::BitCast(d32, words);
  const auto first = hn::TruncateTo(half, pairs), second = hn::TruncateTo(half, hn::ShiftRight<16>(pairs));
  if constexpr (kLanes == kPanelRows) {
    put<kUse>(hn::Combine(d16, second, first), d16, target);  // one line
  } else {
    hn::Store(first, half, target);
    hn::Store(second, half, target + kPanelRows);
  }
}

// Whole words of kLanes rows and kLanes columns of words.
template <PanelUse kUse, typename T>
HWY_INLINE void pack_square(const PanelSource& source, int first_row, int64_t k, T* target) {
  constexpr int kPerWord = 4 / sizeof(T);
  const FloatTag d;
  const hn::Repartition<uint8_t, FloatTag> bytes;
  FloatVec words[kFloatLanes];
  for (int r = 0; r < kLanes; ++r) {
    const uint8_t* const at = source.row(first_row + r) + k * static_cast<int64_t>(sizeof(T));
    // Sixteen rows are too many streams for the processor to see ahead: the next panel is asked for.
    hwy::Prefetch(at + kPanelRows * source.stride);
    words[r] = hn::BitCast(d, hn::LoadU(bytes, at));
  }
  transpose(words);
  for (int j = 0; j < kLanes; ++j) put_column<kUse>(words[j], target + (k + j * kPerWord) * kPanelRows + first_row);
}

template <PanelUse kUse, typename T>
int64_t pack_squares(const PanelSource& source, int64_t n_cols, T* target) {
  constexpr int64_t kWidth = kLanes * 4 / static_cast<int64_t>(sizeof(T));
  if (source.n_rows < kPanelRows) return 0;
  int64_t k = 0;
  for (; k + kWidth <= n_cols; k += kWidth) {
    for (int row = 0; row < kPanelRows; row += kLanes) pack_square<kUse>(source, row, k, target);
  }
  if constexpr (kUse == PanelUse::later) hwy::FlushStream();
  return k;
}

#else

template <PanelUse kUse, typename T>
int64_t pack_squares(const PanelSource&, int64_t, T*) {
  return 0;
}

#endif

template <PanelUse kUse>
void pack_float_panel_for(const Tensor& rows, int64_t panel, std::byte* target) {
  const int64_t first_row = panel * kPanelRows, n_cols = rows.dim(1);
  const PanelSource source{.first = rows.row<uint8_t>(first_row),
                           .stride = rows.stride_bytes(0),
                           .n_rows = static_cast<int>(std::min<int64_t>(kPanelRows, rows.dim(0) - first_row))};
  auto* const bytes = reinterpret_cast<uint8_t*>(target);
  if (rows.dtype() == DType::f32) {
    pack_rest<uint32_t>(source, pack_squares<kUse>(source, n_cols, reinterpret_cast<float*>(target)), n_cols, bytes);
  } else {
    pack_rest<uint16_t>(source, pack_squares<kUse>(source, n_cols, reinterpret_cast<uint16_t*>(target)), n_cols, bytes);
  }
  const int64_t used = size_bytes(rows.dtype(), {kPanelRows, n_cols});
  std::fill(bytes + used, bytes + panel_stride(rows.dtype(), n_cols), uint8_t{0});
}

void pack_float_panel_of_target(const Tensor& rows, int64_t panel, std::byte* target, PanelUse use) {
  if (use == PanelUse::later) return pack_float_panel_for<PanelUse::later>(rows, panel, target);
  pack_float_panel_for<PanelUse::at_once>(rows, panel, target);
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tidemill {

HWY_EXPORT(pack_float_panel_of_target);

void pack_float_panel(const Tensor& rows, int64_t panel, std::byte* target, PanelUse use) {
  HWY_DYNAMIC_DISPATCH(pack_float_panel_of_target)(rows, panel, target, use);
}

namespace {

// kWidth: bytes of a panel's rows.  A size that the compiler knows: a call of memcpy would take longer than the copy.
template <int64_t kWidth>
void pack_columns(const Tensor& columns, int64_t begin, int64_t end, std::byte* target) {
  const int64_t n_terms = columns.dim(0), row_bytes = columns.dim(1) * info(columns.dtype()).block_bytes;
  const int64_t stride = panel_stride(columns.dtype(), n_terms), n_whole = std::min(end, row_bytes / kWidth);
  for (int64_t k = 0; k < n_terms; ++k) {  // a row at a time, for its bytes lie side by side
    const std::byte* const row = columns.row<std::byte>(k);
    std::byte* to = target + k * kWidth;
    for (int64_t panel = begin; panel < n_whole; ++panel, to += stride) std::memcpy(to, row + panel * kWidth, kWidth);
    if (n_whole == end) continue;
    const int64_t n_there = row_bytes - n_whole * kWidth;
    std::memcpy(to, row + n_whole * kWidth, static_cast<size_t>(n_there));
    std::memset(to + n_there, 0, static_cast<size_t>(kWidth - n_there));
  }
  for (int64_t panel = begin; panel < end; ++panel) {
    std::byte* const at = target + (panel - begin) * stride;
    std::fill(at + n_terms * kWidth, at + stride, std::byte{0});
  }
}

}  // namespace

void pack_column_panels(const Tensor& columns, int64_t begin, int64_t end, std::byte* target) {
  if (columns.dtype() == DType::f32) return pack_columns<4 * kPanelRows>(columns, begin, end, target);
  pack_columns<2 * kPanelRows>(columns, begin, end, target);
}

}  // namespace tidemill
#endif  // HWY_ONCE
