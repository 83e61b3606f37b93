#include "models/onnx/heads.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "tidemill/error.h"

namespace tidemill::onnx {
namespace {

constexpr float kHidden = -1e4f;  // what masks add at least, so that nothing is left of a score

// A factor that the graph multiplies everything by.
std::optional<float> factor(const Trace& trace, const OnnxNode& node, OnnxValue& varying) {
  OnnxValue known = kNoOnnxValue;
  varying = trace.varying(node, known);
  if (varying == kNoOnnxValue || (node.op == "Div" && varying != node.input(0))) return {};
  const Value& value = trace.value(known);
  if (value.kind() != Kind::real || value.n() != 1) return {};
  return node.op == "Mul" ? *value.reals() : 1 / *value.reals();
}

bool only_moves(std::string_view op) {
  static constexpr std::array<std::string_view, 6> kOps = {"Reshape", "Transpose", "Unsqueeze",
                                                           "Squeeze", "Identity",  "Cast"};
  return std::ranges::find(kOps, op) != kOps.end();
}

// Which of `n` equal parts a node with one known number picks; nothing when it picks something else.
std::optional<int64_t> picked(const Trace& trace, OnnxValue begin, int64_t n, int64_t each) {
  if (begin == kNoOnnxValue || trace.depends(begin)) return {};
  const Value& value = trace.value(begin);
  if (value.kind() != Kind::integer || value.n() != 1 || each < 1) return {};
  const int64_t at = *value.integers() < 0 ? *value.integers() + n * each : *value.integers();
  return at >= 0 && at % each == 0 && at / each < n ? std::optional(at / each) : std::nullopt;
}

// A node that takes the query, key or value out of what one layer gives for all three.
bool set_part(const Trace& trace, const OnnxNode& node, OnnxValue value, LinearFound& joined) {
  const int64_t whole = trace.value(node.input(0)).n(), own = trace.value(value).n();
  if (own == 0 || whole % own != 0) return false;
  joined.n_parts = whole / own;
  if (node.op == "Split") {
    joined.part = std::ranges::find(node.outputs, value) - node.outputs.begin();
    return static_cast<int64_t>(node.outputs.size()) == joined.n_parts;
  }
  int64_t each = 1;
  if (node.op == "Slice") {
    const Value& axes = node.input(3) == kNoOnnxValue ? Value() : trace.value(node.input(3));
    if (axes.empty() || axes.kind() != Kind::integer || axes.n() != 1) return false;
    const int64_t rank = trace.value(value).rank(),
                  axis = *axes.integers() < 0 ? *axes.integers() + rank : *axes.integers();
    if (axis < 0 || axis >= rank) return false;
    each = trace.value(value).dim(axis);
  }
  const auto part = picked(trace, node.input(1), joined.n_parts, each);
  joined.part = part.value_or(0);
  return part.has_value();
}

// Goes back from a head's rows to where they are made, by moves, factors and picks.
OnnxValue follow(const Trace& trace, OnnxValue value, float& scale, LinearFound& joined) {
  while (const OnnxNode* const node = trace.maker(value)) {
    if (find_linear(trace, value)) break;
    OnnxValue varying = kNoOnnxValue;
    if (only_moves(node->op)) {
      value = node->input(0);
    } else if (node->op == "Mul" || node->op == "Div") {
      const auto by = factor(trace, *node, varying);
      if (!by) break;
      scale *= *by;
      value = varying;
    } else if (node->op == "Split" || node->op == "Gather" || node->op == "Slice") {
      if (joined.n_parts != 1 || !set_part(trace, *node, value, joined)) break;
      value = node->input(0);
    } else {
      break;
    }
  }
  return value;
}

// The angles that a known cosine was made of, [tokens, n]; the second token's are the frequencies.
std::vector<float> frequencies(const Trace& trace, OnnxValue value, int64_t n) {
  for (int step = 0; step < 16; ++step) {
    const OnnxNode* const node = trace.maker(value);
    if (node == nullptr) return {};
    if (node->op == "Cos") {
      const Value& angles = trace.value(node->input(0));
      const int64_t width = angles.last();
      if (angles.n() < 2 * width || width < n) return {};
      return {angles.reals() + width, angles.reals() + width + n};
    }
    value = node->input(0);
  }
  return {};
}

// x * cos + (-second half, first half) * sin.
bool find_rotation(const Trace& trace, OnnxValue& value, std::vector<float>& inv_freq) {
  const OnnxNode* const add = trace.maker(value, "Add");
  if (add == nullptr) return false;
  for (const size_t index : {0, 1}) {
    const OnnxNode* const plain = trace.maker(add->input(index), "Mul");
    const OnnxNode* const turned = trace.maker(add->input(1 - index), "Mul");
    if (plain == nullptr || turned == nullptr) return false;
    OnnxValue cosine = kNoOnnxValue, sine = kNoOnnxValue;
    const OnnxValue x = trace.varying(*plain, cosine), y = trace.varying(*turned, sine);
    if (x == kNoOnnxValue || y == kNoOnnxValue || trace.maker(y, "Concat") == nullptr) continue;
    inv_freq = frequencies(trace, cosine, trace.value(x).last() / 2);
    value = x;
    return !inv_freq.empty();
  }
  return false;
}

std::optional<LinearFound> find_head(const Trace& trace, OnnxValue value, float& scale, std::vector<float>& inv_freq) {
  LinearFound joined;
  value = follow(trace, value, scale, joined);
  if (find_rotation(trace, value, inv_freq)) value = follow(trace, value, scale, joined);
  auto linear = find_linear(trace, value);
  if (!linear) return {};
  linear->part = joined.part;
  linear->n_parts = joined.n_parts;
  return linear;
}

// Goes back from scores to the product that they are; null when there is something else.
const OnnxNode* find_scores(const Trace& trace, OnnxValue value, AttentionFound& found) {
  while (const OnnxNode* const node = trace.maker(value)) {
    if (node->op == "MatMul") return node;
    OnnxValue varying = kNoOnnxValue, known = kNoOnnxValue;
    if (node->op == "Identity" || node->op == "Cast") {
      varying = node->input(0);
    } else if (node->op == "Add") {
      varying = trace.varying(*node, known);
      if (varying != kNoOnnxValue) found.masks.push_back({.value = known});
    } else if (node->op == "Mul" || node->op == "Div") {
      const auto by = factor(trace, *node, varying);
      if (!by) return nullptr;
      found.scale *= *by;
    } else if (node->op == "Where" && !trace.depends(node->input(0))) {
      const bool stays = trace.depends(node->input(1));
      varying = node->input(stays ? 1 : 2);
      const Value& other = trace.value(node->input(stays ? 2 : 1));
      const bool hides = other.kind() == Kind::real && other.n() == 1 && *other.reals() <= kHidden;
      if (!hides) return nullptr;
      found.masks.push_back({.value = node->input(0), .is_condition = true, .stays = stays});
    }
    if (varying == kNoOnnxValue) return nullptr;
    value = varying;
  }
  return nullptr;
}

// Whether a mask of [1, 1, length or 1, length or 1] lets row see column.
std::optional<bool> sees(const MaskFound& mask, const Value& value, int64_t row, int64_t column) {
  const int64_t n_columns = value.last(), n_rows = value.rank() < 2 ? 1 : value.dim(value.rank() - 2);
  const int64_t at = (n_rows == 1 ? 0 : row) * n_columns + (n_columns == 1 ? 0 : column);
  if (mask.is_condition) return value.booleans()[at] == mask.stays;
  const float added = value.reals()[at];
  if (added == 0) return true;
  return added <= kHidden ? std::optional(false) : std::nullopt;
}

}  // namespace

std::optional<AttentionFound> find_attention(const Trace& trace, OnnxValue value) {
  AttentionFound found;
  LinearFound none;
  float one = 1;
  const OnnxNode* const mix = trace.maker(follow(trace, value, one, none), "MatMul");
  if (mix == nullptr || one != 1 || none.n_parts != 1) return {};
  const OnnxNode* const softmax = trace.maker(trace.source(mix->input(0)), "Softmax");
  if (softmax == nullptr) return {};
  const OnnxNode* const scores = find_scores(trace, softmax->input(0), found);
  if (scores == nullptr) return {};
  std::vector<float> of_keys, of_values;
  const auto query = find_head(trace, scores->input(0), found.scale, found.inv_freq);
  const auto key = find_head(trace, scores->input(1), found.scale, of_keys);
  const auto own = find_head(trace, mix->input(1), one, of_values);
  if (!query || !key || !own || one != 1 || of_keys != found.inv_freq || !of_values.empty()) return {};
  const Value& shares = trace.value(softmax->outputs[0]);
  found.n_heads = shares.rank() < 3 ? 1 : shares.dim(shares.rank() - 3);
  if (found.n_heads < 1) return {};
  found.query = *query;
  found.key = *key;
  found.value = *own;
  return found;
}

std::optional<int64_t> window_of(const std::shared_ptr<const OnnxFile>& file, const Outline& outline,
                                 const std::vector<MaskFound>& masks, int64_t length) {
  if (masks.empty()) return 0;
  std::vector<OnnxValue> wanted;
  for (const MaskFound& mask : masks) wanted.push_back(mask.value);
  const Program program(file, wanted);
  Budget budget = budget_of_trial(*file);
  budget.live_bytes += 64 * length * length;
  budget.made_bytes += 256 * length * length;
  const std::vector<int32_t> ids(static_cast<size_t>(length));
  const std::vector<Value> values = program.run(bindings(outline, ids, {}, budget), budget, nullptr);
  for (const MaskFound& mask : masks) {
    const Value& value = values[mask.value];
    const int64_t n_rows = value.rank() < 2 ? 1 : value.dim(value.rank() - 2);
    const bool fits = (value.last() == 1 || value.last() == length) && (n_rows == 1 || n_rows == length) &&
                      value.n() == value.last() * n_rows;
    if (!fits || value.kind() != (mask.is_condition ? Kind::boolean : Kind::real)) return {};
  }
  const auto all_see = [&](int64_t row, int64_t column) -> std::optional<bool> {
    bool result = true;
    for (const MaskFound& mask : masks) {
      const auto one = sees(mask, values[mask.value], row, column);
      if (!one) return {};
      result = result && *one;
    }
    return result;
  };
  int64_t window = 0;
  while (window < length && all_see(0, window).value_or(false)) ++window;
  for (int64_t row = 0; row < length; ++row) {
    for (int64_t column = 0; column < length; ++column) {
      if (all_see(row, column) != (std::abs(row - column) < window)) return {};
    }
  }
  return window == length ? 0 : window;
}

}  // namespace tidemill::onnx
