#include "api/written_source.h"

#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "api/plain_rows.h"

namespace tidemill {
namespace {

// The number that a file holds for one of ours: what weight_loader.cpp does, undone.
float undone(Change change, float number) {
  switch (change) {
    case Change::less_one:
      return number - 1.0f;
    case Change::exp:
      return static_cast<float>(std::log(double{number}));
    case Change::neg_exp:
      return static_cast<float>(std::log(-double{number}));
    case Change::exp_neg_exp:
      return static_cast<float>(std::log(-std::log(double{number})));
    default:
      return number;
  }
}

// All rows of a tensor: which row of which part each is.
class RowTable {
 public:
  explicit RowTable(const WrittenTensor& tensor) : tensor_(tensor) {
    int64_t n_rows = 0;
    for (const WrittenPart& part : tensor.parts) n_rows += part.weight.dim(0);
    if (tensor.parts.size() == 1 && tensor.parts[0].interleave == 0) return;
    rows_.resize(static_cast<size_t>(n_rows));
    for (const WrittenPart& part : tensor.parts) {
      for (int64_t row = 0; row < part.weight.dim(0); ++row)
        rows_[static_cast<size_t>(part.row_in_tensor(row))] = {&part - tensor.parts.data(), row};
    }
  }

  struct Row {
    const Tensor& weight;
    int64_t row;
  };
  Row at(int64_t row) const {
    if (rows_.empty()) return {tensor_.parts[0].weight, row};
    const auto& [part, own] = rows_[static_cast<size_t>(row)];
    return {tensor_.parts[static_cast<size_t>(part)].weight, own};
  }
  int64_t n_rows() const { return rows_.empty() ? tensor_.parts[0].weight.dim(0) : std::ssize(rows_); }

 private:
  struct Place {
    int64_t part = 0, row = 0;
  };
  const WrittenTensor& tensor_;
  std::vector<Place> rows_;  // empty: those of the only part
};

// A tensor, its rows, and what it is made into.
struct Making {
  WrittenTensor tensor;
  DType dtype;
  RowTable rows{tensor};

  Making(const WrittenTensor& source, DType target) : tensor(source), dtype(target) {}
  Making(const Making&) = delete;
  Making& operator=(const Making&) = delete;

  int64_t width() const { return tensor.parts[0].weight.shape().rank() == 1 ? 1 : tensor.parts[0].weight.dim(1); }
  bool keeps_bytes() const {
    const bool keeps_numbers = tensor.change == Change::none || tensor.change == Change::transposed;
    const Tensor& first = tensor.parts[0].weight;
    return keeps_numbers && tensor.dtype == dtype && first.layout() == Layout::rows && first.column_order() == nullptr;
  }

  // One row, of a vector one number.
  void make_row(int64_t row, std::span<float> values, std::byte* target, int64_t row_bytes) const {
    const auto [weight, own] = rows.at(row);
    if (keeps_bytes()) {
      std::memcpy(target, weight.as<std::byte>() + own * weight.stride_bytes(0), static_cast<size_t>(row_bytes));
      return;
    }
    if (weight.shape().rank() == 1) {
      read_row(weight.slice(0, own, own + 1), 0, values);
    } else {
      read_row(weight, own, values);
    }
    for (float& value : values) value = undone(tensor.change, value);
    write_row(values, dtype, target);
  }

  // Columns [begin, end) of all rows, one after the other.
  void make_columns(int64_t begin, int64_t end, std::byte* target) const {
    const auto element = static_cast<size_t>(info(dtype).block_bytes);
    std::vector<float> values(static_cast<size_t>(width()));
    std::vector<std::byte> bytes(values.size() * element);
    for (int64_t row = 0; row < rows.n_rows(); ++row) {
      const auto [weight, own] = rows.at(row);
      read_row(weight, own, values);
      write_row(values, dtype, bytes.data());
      for (int64_t column = begin; column < end; ++column) {
        const auto at = static_cast<size_t>((column - begin) * rows.n_rows() + row);
        std::memcpy(target + at * element, bytes.data() + static_cast<size_t>(column) * element, element);
      }
    }
  }
};

}  // namespace

ByteSource written_source(const Weights& weights, const WrittenTensor& tensor, DType dtype) {
  const auto making = std::make_shared<Making>(tensor, dtype);
  const WrittenPart& first = making->tensor.parts[0];
  const bool is_alone = tensor.parts.size() == 1 && first.interleave == 0;
  if (is_alone && making->keeps_bytes() && first.weight.is_contiguous() && tensor.change == Change::none)
    return plain_source(weights, first.weight, dtype);
  if (tensor.change == Change::transposed && first.weight.shape().rank() == 2) {
    return {
        .n_units = making->width(),
        .unit_bytes = size_bytes(dtype, {making->rows.n_rows()}),
        .make = [making](int64_t begin, int64_t end, std::byte* target) { making->make_columns(begin, end, target); }};
  }
  const int64_t row_bytes = size_bytes(dtype, {making->width()});
  return {.n_units = making->rows.n_rows(),
          .unit_bytes = row_bytes,
          .make =
              [making, row_bytes](int64_t begin, int64_t end, std::byte* target) {
                std::vector<float> values(static_cast<size_t>(making->width()));
                for (int64_t row = begin; row < end; ++row, target += row_bytes)
                  making->make_row(row, values, target, row_bytes);
              },
          .done =
              [making, &weights](int64_t, int64_t end) {
                if (end < making->rows.n_rows()) return;
                for (const WrittenPart& part : making->tensor.parts) weights.release(part.weight);
              }};
}

}  // namespace tidemill
