// quantize_layer_tool METHOD FORMAT GROUP_SIZE ROWS COLUMNS TOKENS < arrays > values
// What our methods (rtn, awq, gptq, best, and best_ordered, whose groups are of inputs in the order of their size) make
// of one matrix, for tests and benchmarks that judge them by the papers' procedures.  FORMAT: a number of bits, in
// groups with zeros, or a block format, whose GROUP_SIZE is 0.  The arrays, in float32: the matrix [rows, columns],
// then its inputs [tokens, columns]. On stdout the values that the codes stand for.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "compress/quantize/awq.h"
#include "compress/quantize/coded_matrix.h"
#include "compress/quantize/feedback.h"
#include "compress/quantize/round_matrix.h"

namespace {

using namespace tidemill;

constexpr int kDescents = 4;

InputRecord record_of(ThreadPool& pool, const float* x, int64_t n_rows, int64_t n_cols) {
  InputRecord record{SquareMatrix(n_cols), std::vector<double>(static_cast<size_t>(n_cols)), n_rows};
  std::vector<float> padded(static_cast<size_t>(n_rows * record.gram.stride));
  for (int64_t row = 0; row < n_rows; ++row) {
    std::memcpy(padded.data() + row * record.gram.stride, x + row * n_cols,
                static_cast<size_t>(n_cols) * sizeof(float));
    for (int64_t i = 0; i < n_cols; ++i) record.magnitudes[static_cast<size_t>(i)] += std::fabs(x[row * n_cols + i]);
  }
  add_gram(pool, padded.data(), n_rows, record.gram);
  return record;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) return 2;
  const std::string method = argv[1];
  const int64_t n_rows = std::stoll(argv[4]), n_cols = std::stoll(argv[5]), n_tokens = std::stoll(argv[6]);
  CodeFormat format;
  if (const auto dtype = dtype_from_name(argv[2])) {
    format.dtype = *dtype;
  } else {
    format.groups = GroupKind{std::stoi(argv[2]), std::stoll(argv[3]), true};
  }
  std::vector<float> numbers(static_cast<size_t>((n_rows + n_tokens) * n_cols));
  std::cin.read(reinterpret_cast<char*>(numbers.data()), static_cast<std::streamsize>(numbers.size() * sizeof(float)));
  ThreadPool pool(2);
  InputRecord record = record_of(pool, numbers.data() + n_rows * n_cols, n_tokens, n_cols);
  MatrixSource source{.n_rows = n_rows, .n_cols = n_cols, .read = {}};
  source.read = [&](int64_t row, std::span<float> values) {
    std::memcpy(values.data(), numbers.data() + row * n_cols, values.size_bytes());
  };
  const bool is_best = method.starts_with("best"), has_feedback = is_best || method == "gptq";
  const bool is_ordered = method == "best_ordered";
  std::vector<float> factors(static_cast<size_t>(n_cols), 1.0f);
  if (method == "awq" || is_best)
    factors = search_scales(pool, {{.sample = source, .format = format}}, record,
                            is_best ? ScaleTrial::feedback : ScaleTrial::rounding);
  record = divided(record, factors);
  const std::vector<float> importance = importance_of(record);
  std::vector<int32_t> order;
  mirror(record.gram);
  if (is_best) order = order_by_magnitude(record.gram);
  const auto column = [&](size_t i) { return is_ordered ? static_cast<size_t>(order[i]) : i; };
  MatrixSource scaled = source;
  scaled.read = [&](int64_t row, std::span<float> values) {
    std::vector<float> own(values.size());
    source.read(row, own);
    for (size_t i = 0; i < own.size(); ++i) values[i] = own[column(i)] * factors[column(i)];
  };
  CodedMatrix codes(format, n_rows, n_cols, is_ordered ? std::span<const int32_t>(order) : std::span<const int32_t>());
  if (has_feedback) {
    const FeedbackFactors feedback(pool, order.empty() ? record.gram : reordered(record.gram, order),
                                   is_best ? damping_for(n_tokens) : kPaperDamping);
    FeedbackOptions options{.n_descents = is_best ? kDescents : 0};
    if (!is_ordered) options.order = order;
    quantize_with_feedback(pool, scaled, feedback, options, codes.coder());
  } else {
    if (method == "awq") scaled.importance = importance;
    round_matrix(pool, scaled, ScaleSearch::least_error, codes.coder());
  }
  std::vector<float> values(static_cast<size_t>(n_cols));
  for (int64_t row = 0; row < n_rows; ++row) {
    codes.read(row, values);
    for (size_t i = 0; i < values.size(); ++i) values[i] /= factors[i];
    std::fwrite(values.data(), sizeof(float), values.size(), stdout);
  }
  return 0;
}
