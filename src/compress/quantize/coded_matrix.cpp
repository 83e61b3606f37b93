#include "compress/quantize/coded_matrix.h"

#include <algorithm>

#include "compress/quantize/block_coder.h"
#include "compress/quantize/group_coder.h"
#include "tensor/dequantize.h"
#include "tidemill/tensor.h"

namespace tidemill {

int64_t coded_bytes(const CodeFormat& format, int64_t n_rows, int64_t n_cols) {
  if (!format.groups) return size_bytes(format.dtype, {n_rows, n_cols});
  const GroupKind& kind = *format.groups;
  const int64_t group = kind.group_size == 0 ? n_cols : std::min(kind.group_size, n_cols);
  const int64_t bits_of_group = 16 + (kind.has_zeros ? kind.bits : 0);
  return (n_rows * n_cols * kind.bits + n_rows * ((n_cols + group - 1) / group) * bits_of_group + 7) / 8;
}

CodedMatrix::CodedMatrix(const CodeFormat& format, int64_t n_rows, int64_t n_cols, std::span<const int32_t> order)
    : format_(format), n_cols_(n_cols) {
  if (format.groups) {
    groups_ = std::make_unique<GroupQuantized>();
    coder_ = std::make_unique<GroupCoder>(*format.groups, n_rows, n_cols, *groups_, order);
  } else {
    blocks_ = Storage(size_bytes(format.dtype, {n_rows, n_cols}));
    coder_ = std::make_unique<BlockCoder>(format.dtype, n_cols, blocks_.data());
  }
}

void CodedMatrix::read(int64_t row, std::span<float> values) const {
  if (!groups_) return dequantize(format_.dtype, blocks_.data() + row * size_bytes(format_.dtype, {n_cols_}), values);
  const GroupQuantized& own = *groups_;
  const int64_t n_groups = own.n_groups();
  for (int64_t column = 0; column < n_cols_; ++column) {
    const int64_t group = own.g_idx.empty() ? column / own.group_size : own.g_idx[static_cast<size_t>(column)];
    const auto at = static_cast<size_t>(row * n_groups + group);
    const auto code = static_cast<float>(own.q[static_cast<size_t>(row * n_cols_ + column)]);
    values[static_cast<size_t>(column)] = (code - own.zeros[at]) * own.scales[at];
  }
}

}  // namespace tidemill
