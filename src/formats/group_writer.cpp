#include "formats/group_writer.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "formats/group_reader.h"
#include "formats/packed_codes.h"
#include "tensor/half.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using nlohmann::ordered_json;

// [n_cols, n_rows] of [n_rows, n_cols].
template <typename T>
std::vector<T> turned(const std::vector<T>& values, int64_t n_rows, int64_t n_cols) {
  std::vector<T> result(values.size());
  for (int64_t row = 0; row < n_rows; ++row)
    for (int64_t col = 0; col < n_cols; ++col) result[col * n_rows + row] = values[row * n_cols + col];
  return result;
}

template <typename T>
std::vector<std::byte> bytes_of(const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {bytes.begin(), bytes.end()};
}

class GroupPacker {
 public:
  GroupPacker(const std::string& prefix, const GroupQuantized& matrix, GroupFormat format, const GroupKind& kind,
              DType scale_dtype)
      : prefix_(prefix), matrix_(matrix), format_(format), kind_(kind), scale_dtype_(scale_dtype) {
    check();
  }

  std::vector<GroupTensor> pack() {
    add_codes();
    add_scales();
    if (!is_compressed() || kind_.has_zeros) add_zeros();
    add_order();
    if (is_compressed())
      add(suffixes_.shape, DType::i64, {2}, bytes_of(std::vector<int64_t>{matrix_.n_rows, matrix_.n_cols}));
    return std::move(tensors_);
  }

 private:
  bool is_awq() const { return format_ == GroupFormat::awq; }
  bool is_compressed() const { return format_ == GroupFormat::compressed_tensors; }
  CodeOrder order() const { return is_awq() ? CodeOrder::awq_gemm : CodeOrder::stream; }
  void add(std::string_view suffix, DType dtype, const Shape& shape, std::vector<std::byte> bytes) {
    tensors_.push_back({prefix_ + std::string(suffix), dtype, shape, std::move(bytes)});
  }
  void expect(bool is_met, const std::string& what) const {
    if (!is_met) throw Error(ErrorCode::invalid_argument, prefix_ + ": " + what);
  }

  void check() const;
  void check_numbers() const;
  void add_codes();
  void add_scales();
  void add_zeros();
  void add_order();

  const std::string& prefix_;
  const GroupQuantized& matrix_;
  GroupFormat format_;
  GroupKind kind_;
  DType scale_dtype_;
  const GroupSuffixes& suffixes_ = group_suffixes(format_);
  std::vector<GroupTensor> tensors_;
};

void GroupPacker::check() const {
  const int64_t n = matrix_.n_rows, k = matrix_.n_cols;
  const int64_t group_size = kind_.group_size == 0 ? k : kind_.group_size;
  expect(n > 0 && k > 0 && matrix_.bits == kind_.bits && matrix_.group_size == std::min(group_size, k),
         "the matrix is of another kind than is to be written; quantise it with that kind");
  expect(has_group_bits(format_, kind_.bits),
         "codes of " + std::to_string(kind_.bits) + " bits are not in this format; take 4");
  const std::string misfit = group_misfit(format_, kind_, n, k);
  expect(misfit.empty(), misfit);
  expect(!is_awq() || matrix_.g_idx.empty(), "AWQ has no order of groups; write GPTQ or compressed-tensors");
  check_numbers();
}

void GroupPacker::check_numbers() const {
  const auto n_params = static_cast<size_t>(matrix_.n_rows * matrix_.n_groups());
  const bool has_all = matrix_.q.size() == static_cast<size_t>(matrix_.n_rows * matrix_.n_cols) &&
                       matrix_.scales.size() == n_params && matrix_.zeros.size() == n_params &&
                       (matrix_.g_idx.empty() || std::ssize(matrix_.g_idx) == matrix_.n_cols);
  expect(has_all, "its arrays do not have the sizes of [" + std::to_string(matrix_.n_rows) + ", " +
                      std::to_string(matrix_.n_cols) + "]; this is a mistake in the program");
  const int end = 1 << matrix_.bits;
  expect(std::ranges::all_of(matrix_.q, [end](int code) { return code < end; }), "a code is too large for its bits");
  const auto is_zero = [end](float zero) { return zero >= 0 && zero < static_cast<float>(end) && zero == int(zero); };
  expect(std::ranges::all_of(matrix_.zeros, is_zero), "a zero is no code");
  const auto is_middle = [end](float zero) { return zero == static_cast<float>(end / 2); };
  expect(kind_.has_zeros || std::ranges::all_of(matrix_.zeros, is_middle),
         "a zero is not the middle of the codes, in a symmetric scheme; write it with zeros");
  const bool is_f16 = scale_dtype_ == DType::f16;
  expect(is_f16 || (is_compressed() && (scale_dtype_ == DType::bf16 || scale_dtype_ == DType::f32)),
         "scales are not stored as " + std::string(info(scale_dtype_).name) + " in this format; take f16");
}

void GroupPacker::add_codes() {
  const int64_t n = matrix_.n_rows, k = matrix_.n_cols;
  const int64_t words = CodeLayout::n_words(order(), matrix_.bits, is_awq() ? n : k);
  CodeLayout layout{matrix_.bits, order(), n, k, 1, n};
  if (is_compressed()) layout = {matrix_.bits, order(), n, k, words, 1};
  if (is_awq()) layout = {matrix_.bits, order(), k, n, words, 1};
  const bool has_rows_first = is_compressed();
  const int64_t n_lines = is_awq() ? k : n;
  std::vector<uint32_t> packed(static_cast<size_t>(n_lines * words));
  pack_codes(layout, matrix_.q.data(), is_awq() ? 1 : k, is_awq() ? k : 1, packed);
  const Shape shape = is_awq() ? Shape{k, words} : has_rows_first ? Shape{n, words} : Shape{words, n};
  add(suffixes_.codes, DType::i32, shape, bytes_of(packed));
}

void GroupPacker::add_scales() {
  const int64_t n = matrix_.n_rows, n_groups = matrix_.n_groups();
  const std::vector<float> scales = is_compressed() ? matrix_.scales : turned(matrix_.scales, n, n_groups);
  const Shape shape = is_compressed() ? Shape{n, n_groups} : Shape{n_groups, n};
  if (scale_dtype_ == DType::f32) return add(suffixes_.scales, scale_dtype_, shape, bytes_of(scales));
  const bool is_f16 = scale_dtype_ == DType::f16;
  std::vector<uint16_t> stored(scales.size());
  for (size_t i = 0; i < scales.size(); ++i) {
    stored[i] = is_f16 ? f32_to_f16(scales[i]) : f32_to_bf16(scales[i]);
    const float found = is_f16 ? f16_to_f32(stored[i]) : bf16_to_f32(stored[i]);
    expect(found == scales[i], "a scale, " + std::to_string(scales[i]) + ", is no number of " +
                                   std::string(info(scale_dtype_).name) + "; round scales before codes are chosen");
  }
  add(suffixes_.scales, scale_dtype_, shape, bytes_of(stored));
}

void GroupPacker::add_zeros() {
  const int64_t n = matrix_.n_rows, n_groups = matrix_.n_groups();
  const int64_t words = CodeLayout::n_words(order(), matrix_.bits, n);
  const bool is_less_one = format_ == GroupFormat::gptq, is_whole = 32 % matrix_.bits == 0;
  const uint32_t mask = (1u << matrix_.bits) - 1;
  std::vector<uint8_t> zeros(matrix_.zeros.size());
  for (size_t i = 0; i < zeros.size(); ++i) {
    const uint32_t less = is_less_one && !is_whole ? 1 : 0;
    zeros[i] = static_cast<uint8_t>((static_cast<uint32_t>(matrix_.zeros[i]) - less) & mask);
  }
  CodeLayout layout{matrix_.bits, order(), n_groups, n, words, 1};
  if (is_compressed()) layout = {matrix_.bits, order(), n_groups, n, 1, n_groups};
  std::vector<uint32_t> packed(static_cast<size_t>(words * n_groups));
  pack_codes(layout, zeros.data(), 1, n_groups, packed);
  if (is_less_one && is_whole)
    for (uint32_t& word : packed) word -= 0xffffffffu / mask;
  add(suffixes_.zeros, DType::i32, is_compressed() ? Shape{words, n_groups} : Shape{n_groups, words}, bytes_of(packed));
}

// GPTQ names the group of every input, in order or not.
void GroupPacker::add_order() {
  std::vector<int32_t> groups = matrix_.g_idx;
  if (groups.empty() && (is_awq() || is_compressed())) return;
  if (groups.empty()) {
    for (int64_t k = 0; k < matrix_.n_cols; ++k) groups.push_back(static_cast<int32_t>(k / matrix_.group_size));
  }
  std::vector<int64_t> sizes(static_cast<size_t>(matrix_.n_groups()));
  for (const int32_t group : groups) {
    expect(group >= 0 && group < matrix_.n_groups(), "an input is in a group that there is not");
    ++sizes[static_cast<size_t>(group)];
  }
  expect(std::ranges::all_of(sizes, [this](int64_t size) { return size == matrix_.group_size; }),
         "its groups are of unequal size; quantise it with groups of one size");
  add(suffixes_.g_idx, DType::i32, {matrix_.n_cols}, bytes_of(groups));
}

ordered_json compressed_config(const GroupKind& kind, const std::vector<std::string>& plain, bool is_reordered) {
  ordered_json weights{{"num_bits", kind.bits},
                       {"type", "int"},
                       {"symmetric", !kind.has_zeros},
                       {"strategy", kind.group_size == 0 ? "channel" : "group"},
                       {"dynamic", false},
                       {"observer", "minmax"}};
  if (kind.group_size != 0) weights["group_size"] = kind.group_size;
  if (is_reordered) weights["actorder"] = "group";
  const ordered_json group{{"targets", {"Linear"}},
                           {"weights", weights},
                           {"input_activations", nullptr},
                           {"output_activations", nullptr},
                           {"format", "pack-quantized"}};
  return {{"quant_method", "compressed-tensors"},
          {"format", "pack-quantized"},
          {"quantization_status", "compressed"},
          {"config_groups", {{"group_0", group}}},
          {"ignore", plain}};
}

}  // namespace

std::vector<GroupTensor> group_tensors(const std::string& prefix, const GroupQuantized& matrix, GroupFormat format,
                                       const GroupKind& kind, DType scale_dtype) {
  return GroupPacker(prefix, matrix, format, kind, scale_dtype).pack();
}

bool has_group_bits(GroupFormat format, int bits) {
  if (format == GroupFormat::awq) return bits == 4;
  if (format == GroupFormat::compressed_tensors) return bits >= 2 && bits <= 8;
  return bits == 2 || bits == 3 || bits == 4 || bits == 8;
}

std::string group_misfit(GroupFormat format, const GroupKind& kind, int64_t n_rows, int64_t n_cols) {
  const int64_t group_size = kind.group_size == 0 ? n_cols : std::min(kind.group_size, n_cols);
  if (n_cols % group_size != 0)
    return "rows of " + std::to_string(n_cols) + " are not whole groups of " + std::to_string(group_size) +
           "; take another group size";
  const bool has_rows = n_rows * kind.bits % 32 == 0, has_columns = n_cols * kind.bits % 32 == 0;
  if (format == GroupFormat::compressed_tensors || (has_rows && (format == GroupFormat::awq || has_columns))) return "";
  return "[" + std::to_string(n_rows) + ", " + std::to_string(n_cols) +
         "] does not fill words of 32 bits with codes of " + std::to_string(kind.bits) +
         "; leave this matrix as it is, or write compressed-tensors";
}

ordered_json group_config(GroupFormat format, const GroupKind& kind, const std::vector<std::string>& plain,
                          bool is_reordered) {
  if (format == GroupFormat::compressed_tensors) return compressed_config(kind, plain, is_reordered);
  const int64_t group_size = kind.group_size == 0 ? -1 : kind.group_size;
  if (format == GroupFormat::awq) {
    return {{"quant_method", "awq"},
            {"version", "gemm"},
            {"bits", kind.bits},
            {"group_size", group_size},
            {"zero_point", kind.has_zeros},
            {"modules_to_not_convert", plain}};
  }
  ordered_json config{{"quant_method", "gptq"}, {"checkpoint_format", format == GroupFormat::gptq ? "gptq" : "gptq_v2"},
                      {"bits", kind.bits},      {"group_size", group_size},
                      {"sym", !kind.has_zeros}, {"desc_act", is_reordered},
                      {"pack_dtype", "int32"},  {"lm_head", std::ranges::find(plain, "lm_head") == plain.end()}};
  ordered_json skipped = ordered_json::object();  // GPTQModel's way to say that a module is left as it is
  for (const std::string& name : plain) skipped["-:" + name] = ordered_json::object();
  if (!skipped.empty()) config["dynamic"] = skipped;
  return config;
}

}  // namespace tidemill
