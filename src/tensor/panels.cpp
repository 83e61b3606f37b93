#include "tensor/panels.h"

#include <limits>
#include <string>

#include "tidemill/error.h"

namespace tidemill {

bool has_panels(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16 || panel_format(dtype).is_quantized();
}

int64_t panel_stride(DType dtype, int64_t n_cols) {
  const PanelFormat format = panel_format(dtype);
  if (!format.is_quantized()) {
    const int64_t bytes = n_cols * kPanelRows * info(dtype).block_bytes;
    return (bytes + kVectorBytes - 1) / kVectorBytes * kVectorBytes;
  }
  const int64_t n_whole = n_cols / kSuperblockLength;
  const int rest = static_cast<int>(n_cols % kSuperblockLength) / kGroupLength;
  return n_whole * format.superblock_bytes() + (rest > 0 ? format.superblock_bytes(rest) : 0);
}

HalvedStrides halved_strides(int64_t n_cols) {
  const int64_t high = panel_stride(DType::q4_0, n_cols);
  return {high, panel_stride(DType::q8_0, n_cols) - high};
}

int64_t panel_bytes(DType dtype, int64_t n_rows, int64_t n_cols) {
  const std::string name(info(dtype).name);
  if (!has_panels(dtype)) {
    throw Error(ErrorCode::unsupported, "matrix of " + name +
                                            ": no matmul kernel reads it; convert it to f32 or a "
                                            "block format");
  }
  const int64_t limit = std::numeric_limits<int64_t>::max() / 8;  // of a row or a matrix: nothing below overflows
  if (n_rows < 0 || n_cols < 0 || n_cols % info(dtype).block_length != 0 || n_cols > limit / 128 ||
      (n_cols > 0 && panel_count(n_rows) > limit / panel_stride(dtype, n_cols))) {
    throw Error(ErrorCode::invalid_argument, "matrix of " + name + ": " + std::to_string(n_rows) + " rows of " +
                                                 std::to_string(n_cols) +
                                                 " elements do not make panels; rows hold "
                                                 "whole blocks of " +
                                                 std::to_string(info(dtype).block_length));
  }
  return panel_count(n_rows) * panel_stride(dtype, n_cols);
}

}  // namespace tidemill
