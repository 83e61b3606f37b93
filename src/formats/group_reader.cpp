#include "formats/group_reader.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "formats/packed_codes.h"
#include "formats/wording.h"
#include "tensor/dequantize.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr GroupSuffixes kInputsFirst = {".qweight", ".qzeros", ".scales", ".g_idx", ""};
constexpr GroupSuffixes kCompressed = {".weight_packed", ".weight_zero_point", ".weight_scale", ".weight_g_idx",
                                       ".weight_shape"};

int64_t ceil_div(int64_t a, int64_t b) {
  return a / b + (a % b == 0 ? 0 : 1);
}

int64_t n_groups_of(const GroupKind& kind, int64_t n_cols) {
  return kind.group_size == 0 ? 1 : ceil_div(n_cols, kind.group_size);
}

// [n_rows, n_cols] of [n_cols, n_rows].
std::vector<float> turned(const std::vector<float>& values, int64_t n_rows, int64_t n_cols) {
  std::vector<float> result(values.size());
  for (int64_t row = 0; row < n_rows; ++row) {
    for (int64_t col = 0; col < n_cols; ++col) result[row * n_cols + col] = values[col * n_rows + row];
  }
  return result;
}

// The tensors of one matrix.
class GroupReader {
 public:
  GroupReader(const Weights& weights, const std::string& prefix, const GroupScheme& scheme)
      : weights_(weights), prefix_(prefix), format_(scheme.format), suffixes_(group_suffixes(format_)) {
    codes_ = tensor(suffixes_.codes, {DType::i32}, 2);
    scales_ = tensor(suffixes_.scales, {DType::f16, DType::bf16, DType::f32}, 2);
    read_size(scheme);
  }

  GroupQuantized read() {
    read_codes();
    read_scales();
    read_zeros();
    read_g_idx();
    return std::move(matrix_);
  }

 private:
  bool is_awq() const { return format_ == GroupFormat::awq; }
  bool is_gptq() const { return !is_awq() && !is_compressed(); }
  bool is_compressed() const { return format_ == GroupFormat::compressed_tensors; }
  int64_t n_words(const GroupKind& kind, int64_t n_codes) const {
    return CodeLayout::n_words(order_, kind.bits, n_codes);
  }

  std::optional<Tensor> find(std::string_view suffix) const { return weights_.find(prefix_ + std::string(suffix)); }
  Tensor tensor(std::string_view suffix, std::initializer_list<DType> dtypes, int rank) const;
  void expect_shape(std::string_view suffix, const Tensor& tensor, const Shape& expected) const;
  [[noreturn]] void fail(std::string_view suffix, const std::string& why) const;

  void read_size(const GroupScheme& scheme);
  int64_t n_cols_of(const GroupKind& kind) const;
  int64_t n_cols_by_shape() const;
  bool fits_zeros(const GroupKind& kind) const;
  Shape codes_shape(const GroupKind& kind, int64_t n_cols) const;
  Shape scales_shape(const GroupKind& kind, int64_t n_cols) const;
  void read_codes();
  void read_scales();
  void read_zeros();
  void unpack_zeros(const Tensor& zeros);
  void take_signed_zeros(const Tensor& zeros);
  void read_g_idx();

  const Weights& weights_;
  const std::string& prefix_;
  GroupFormat format_;
  const GroupSuffixes& suffixes_;
  Tensor codes_, scales_;
  CodeOrder order_ = CodeOrder::stream;
  GroupKind kind_;
  GroupQuantized matrix_;
};

void GroupReader::fail(std::string_view suffix, const std::string& why) const {
  throw Error(ErrorCode::bad_file, weights_.path() + ": tensor " + quoted(prefix_ + std::string(suffix)) + " " + why +
                                       "; the file is damaged, or its quantization_config that of another model");
}

Tensor GroupReader::tensor(std::string_view suffix, std::initializer_list<DType> dtypes, int rank) const {
  const auto found = find(suffix);
  if (!found) fail(suffix, "is missing");
  if (std::ranges::find(dtypes, found->dtype()) == dtypes.end() || found->shape().rank() != rank) {
    std::string list;
    for (const DType dtype : dtypes) list += (list.empty() ? "" : " or ") + std::string(info(dtype).name);
    fail(suffix, "is " + std::string(info(found->dtype()).name) + " " + found->shape().to_string() + ", expected " +
                     list + " of " + std::to_string(rank) + (rank == 1 ? " axis" : " axes"));
  }
  return *found;
}

void GroupReader::expect_shape(std::string_view suffix, const Tensor& tensor, const Shape& expected) const {
  if (tensor.shape() != expected)
    fail(suffix, "is " + tensor.shape().to_string() + ", expected " + expected.to_string());
}

Shape GroupReader::codes_shape(const GroupKind& kind, int64_t n_cols) const {
  if (is_awq()) return {n_cols, n_words(kind, matrix_.n_rows)};
  if (is_compressed()) return {matrix_.n_rows, n_words(kind, n_cols)};
  return {n_words(kind, n_cols), matrix_.n_rows};
}

Shape GroupReader::scales_shape(const GroupKind& kind, int64_t n_cols) const {
  const int64_t n_groups = n_groups_of(kind, n_cols);
  return is_compressed() ? Shape{matrix_.n_rows, n_groups} : Shape{n_groups, matrix_.n_rows};
}

// Inputs of the matrix, if it is of that kind.
int64_t GroupReader::n_cols_of(const GroupKind& kind) const {
  if (is_compressed()) return n_cols_by_shape();
  return is_awq() ? codes_.dim(0) : codes_.dim(0) * 32 / kind.bits;
}

int64_t GroupReader::n_cols_by_shape() const {
  const Tensor shape = tensor(suffixes_.shape, {DType::i64, DType::i32}, 1);
  expect_shape(suffixes_.shape, shape, {2});
  const auto number = [&](int i) {
    return shape.dtype() == DType::i64 ? shape.as<int64_t>()[i] : int64_t{shape.as<int32_t>()[i]};
  };
  if (number(0) != codes_.dim(0) || number(1) < 1 || number(1) > codes_.dim(1) * 16)
    fail(suffixes_.shape, "says [" + std::to_string(number(0)) + ", " + std::to_string(number(1)) + "], and " +
                              std::string(suffixes_.codes.substr(1)) + " is " + codes_.shape().to_string());
  return number(1);
}

// GPTQ's words of inputs tell bits and inputs only together.
bool GroupReader::fits_zeros(const GroupKind& kind) const {
  if (!is_gptq()) return true;
  const auto zeros = find(suffixes_.zeros);
  return zeros && zeros->shape().rank() == 2 && zeros->dim(1) == n_words(kind, matrix_.n_rows);
}

// The first kind that the shapes are of; the first of all where there is none, for the message.
void GroupReader::read_size(const GroupScheme& scheme) {
  matrix_.n_rows = is_compressed() ? codes_.dim(0) : scales_.dim(1);
  const auto fits = [this](const GroupKind& kind) {
    const int64_t n_cols = n_cols_of(kind);
    return codes_.shape() == codes_shape(kind, n_cols) && scales_.shape() == scales_shape(kind, n_cols) &&
           fits_zeros(kind);
  };
  if (is_awq()) order_ = CodeOrder::awq_gemm;
  auto found = std::ranges::find_if(scheme.kinds, fits);
  if (found == scheme.kinds.end() && is_compressed()) {
    order_ = CodeOrder::whole;
    found = std::ranges::find_if(scheme.kinds, fits);
  }
  kind_ = found == scheme.kinds.end() ? scheme.kinds.front() : *found;
  matrix_.bits = kind_.bits;
  matrix_.n_cols = n_cols_of(kind_);
  if (matrix_.n_rows == 0 || matrix_.n_cols == 0) fail(suffixes_.codes, "has nothing in it");
  expect_shape(suffixes_.codes, codes_, codes_shape(kind_, matrix_.n_cols));
  expect_shape(suffixes_.scales, scales_, scales_shape(kind_, matrix_.n_cols));
  matrix_.group_size = kind_.group_size == 0 ? matrix_.n_cols : std::min(kind_.group_size, matrix_.n_cols);
}

void GroupReader::read_codes() {
  const int64_t n = matrix_.n_rows, k = matrix_.n_cols;
  matrix_.q.resize(static_cast<size_t>(n * k));
  CodeLayout layout{
      .bits = matrix_.bits, .order = order_, .n_lines = n, .n_codes = k, .line_stride = 1, .word_stride = n};
  if (is_compressed()) {
    layout.line_stride = codes_.dim(1);
    layout.word_stride = 1;
  } else if (is_awq()) {  // lines are inputs
    layout = {matrix_.bits, order_, k, n, codes_.dim(1), 1};
  }
  unpack_codes(layout, codes_.data(), matrix_.q.data(), is_awq() ? 1 : k, is_awq() ? k : 1);
}

void GroupReader::read_scales() {
  const int64_t n_groups = matrix_.n_groups();
  matrix_.scales = to_floats(scales_);
  if (!is_compressed()) matrix_.scales = turned(matrix_.scales, matrix_.n_rows, n_groups);
}

void GroupReader::read_zeros() {
  matrix_.zeros.assign(matrix_.scales.size(), static_cast<float>(1 << (matrix_.bits - 1)));
  const auto found = find(suffixes_.zeros);
  const bool is_ignored = is_compressed() || !found;
  if (!kind_.has_zeros && is_ignored) return;
  const Tensor zeros = tensor(suffixes_.zeros, {DType::i32, DType::i8}, 2);
  if (zeros.dtype() == DType::i32) {
    unpack_zeros(zeros);
  } else {
    take_signed_zeros(zeros);
  }
}

void GroupReader::unpack_zeros(const Tensor& zeros) {
  const int64_t n = matrix_.n_rows, n_groups = matrix_.n_groups(), words = n_words(kind_, n);
  expect_shape(suffixes_.zeros, zeros, is_compressed() ? Shape{words, n_groups} : Shape{n_groups, words});
  CodeLayout layout{matrix_.bits, order_, n_groups, n, words, 1};
  if (is_compressed()) std::tie(layout.line_stride, layout.word_stride) = std::pair(int64_t{1}, n_groups);
  std::vector<uint32_t> stored(static_cast<size_t>(words * n_groups));
  std::memcpy(stored.data(), zeros.data(), stored.size() * sizeof stored[0]);
  const uint32_t mask = (1u << matrix_.bits) - 1;
  const bool is_less_one = format_ == GroupFormat::gptq, is_whole = 32 % matrix_.bits == 0;
  // Its writers subtract whole words, so that a zero of 0 borrows from its neighbour; adding them undoes that.
  if (is_less_one && is_whole)
    for (uint32_t& word : stored) word += 0xffffffffu / mask;
  std::vector<uint8_t> codes(matrix_.zeros.size());
  unpack_codes(layout, stored.data(), codes.data(), 1, n_groups);
  const uint32_t more = is_less_one && !is_whole ? 1 : 0;
  for (size_t i = 0; i < codes.size(); ++i) matrix_.zeros[i] = static_cast<float>((codes[i] + more) & mask);
}

void GroupReader::take_signed_zeros(const Tensor& zeros) {
  if (!is_compressed()) tensor(suffixes_.zeros, {DType::i32}, 2);  // throws
  expect_shape(suffixes_.zeros, zeros, {matrix_.n_rows, matrix_.n_groups()});
  const int middle = 1 << (matrix_.bits - 1);
  for (size_t i = 0; i < matrix_.zeros.size(); ++i) {
    const int zero = zeros.as<int8_t>()[i] + middle;
    if (zero < 0 || zero >= 2 * middle) fail(suffixes_.zeros, "holds " + std::to_string(zero - middle));
    matrix_.zeros[i] = static_cast<float>(zero);
  }
}

void GroupReader::read_g_idx() {
  const auto found = find(suffixes_.g_idx);
  if (!found) return;
  const Tensor tensor_of = tensor(suffixes_.g_idx, {DType::i32}, 1);
  expect_shape(suffixes_.g_idx, tensor_of, {matrix_.n_cols});
  const std::span<const int32_t> groups(tensor_of.as<int32_t>(), static_cast<size_t>(matrix_.n_cols));
  if (is_compressed() && std::ranges::find(groups, -1) != groups.end()) return;  // never set
  bool is_in_order = true;
  for (int64_t k = 0; k < matrix_.n_cols; ++k) {
    const int32_t group = groups[static_cast<size_t>(k)];
    if (group < 0 || group >= matrix_.n_groups())
      fail(suffixes_.g_idx, "says that input " + std::to_string(k) + " is in group " + std::to_string(group) + " of " +
                                std::to_string(matrix_.n_groups()));
    is_in_order = is_in_order && group == k / matrix_.group_size;
  }
  if (!is_in_order) matrix_.g_idx.assign(groups.begin(), groups.end());
}

}  // namespace

std::vector<std::string_view> GroupSuffixes::all() const {
  std::vector<std::string_view> result;
  for (const std::string_view suffix : {codes, zeros, scales, g_idx, shape})
    if (!suffix.empty()) result.push_back(suffix);
  return result;
}

const GroupSuffixes& group_suffixes(GroupFormat format) {
  return format == GroupFormat::compressed_tensors ? kCompressed : kInputsFirst;
}

GroupQuantized read_group_quantized(const Weights& weights, const std::string& prefix, const GroupScheme& scheme) {
  return GroupReader(weights, prefix, scheme).read();
}

}  // namespace tidemill
