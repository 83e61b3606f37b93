#include "models/onnx/outline.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <string>

#include "formats/wording.h"
#include "tidemill/error.h"

namespace tidemill::onnx {
namespace {

constexpr std::array<int32_t, 5> kTrial = {5, 3, 8, 6, 4};  // ids that every vocabulary has

[[noreturn]] void fail(const OnnxFile& file, const std::string& why) {
  throw Error(ErrorCode::unsupported,
              file.path() + ": " + why + "; give an encoder of texts as optimum or sentence-transformers export it");
}

void find_inputs(const OnnxFile& file, Outline& outline) {
  for (const OnnxPort& port : file.graph().inputs) {
    const std::string& name = file.graph().values[port.value];
    if (name == "input_ids") {
      outline.ids = port.value;
    } else if (name == "attention_mask") {
      outline.mask = port.value;
    } else if (name == "token_type_ids") {
      outline.types = port.value;
    } else if (name == "position_ids") {
      outline.positions = port.value;
    } else {
      fail(file, "takes an input " + quoted(name) + ", which no text gives");
    }
  }
  if (outline.ids == kNoOnnxValue) fail(file, "takes no 'input_ids'");
}

// Rows of the table that ids are looked up in, perhaps in another shape.
void find_vocabulary(const OnnxFile& file, Outline& outline) {
  const OnnxGraph& graph = file.graph();
  std::set<OnnxValue> ids = {outline.ids};
  for (const OnnxNode& node : graph.nodes) {
    const bool keeps = node.op == "Reshape" || node.op == "Cast" || node.op == "Identity" || node.op == "Unsqueeze";
    if (keeps && ids.contains(node.input(0)) && !node.outputs.empty()) ids.insert(node.outputs[0]);
    if (node.op != "Gather" || !ids.contains(node.input(1))) continue;
    const auto table = graph.initializers.find(node.input(0));
    if (table != graph.initializers.end() && table->second.dims.size() == 2) outline.vocab_size = table->second.dims[0];
  }
  if (outline.vocab_size < 1) fail(file, "looks 'input_ids' up in no table");
}

// Takes the output as one of those that are looked for; of several alike the first.
void take_output(const Value& value, OnnxValue number, int64_t n_tokens, Outline& outline) {
  if (value.kind() != Kind::real || value.rank() < 2 || value.dim(0) != 1 || value.last() < 1) return;
  if (value.rank() == 3 && value.dim(1) == n_tokens && outline.hidden == kNoOnnxValue) {
    outline.hidden = number;
    outline.d_model = value.last();
  }
  if (value.rank() == 2 && outline.sentence == kNoOnnxValue) outline.sentence = number;
}

// The outputs that count, best names first.
std::vector<OnnxValue> outputs_of(const OnnxGraph& graph) {
  std::vector<OnnxValue> outputs;
  for (const char* const name : {"last_hidden_state", "token_embeddings", "sentence_embedding"}) {
    if (const OnnxPort* const port = graph.output(name)) outputs.push_back(port->value);
  }
  if (!outputs.empty()) return outputs;
  for (const OnnxPort& port : graph.outputs) outputs.push_back(port.value);
  return outputs;
}

bool are_alike(std::span<const float> a, std::span<const double> b, double scale) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (!(std::abs(static_cast<double>(a[i]) - b[i] * scale) <= 1e-5)) return false;
  }
  return true;
}

std::vector<double> pooled(PooledBy how, const Value& hidden) {
  const int64_t n = hidden.dim(1), d = hidden.last();
  std::vector<double> result(static_cast<size_t>(d));
  for (int64_t j = 0; j < d; ++j) {
    const auto at = [&](int64_t row) { return static_cast<double>(hidden.reals()[row * d + j]); };
    double& sum = result[static_cast<size_t>(j)];
    sum = at(how == PooledBy::last ? n - 1 : 0);
    for (int64_t row = 1; row < n; ++row) {
      if (how == PooledBy::mean) sum += at(row);
      if (how == PooledBy::greatest) sum = std::max(sum, at(row));
    }
    if (how == PooledBy::mean) sum /= static_cast<double>(n);
  }
  return result;
}

double length_of(std::span<const double> vector) {
  double sum = 0;
  for (const double x : vector) sum += x * x;
  return std::sqrt(sum);
}

// Which pooling gives `sentence`, with or without a length of 1.
void find_pooling(const Value& hidden, const Value& sentence, Outline& outline) {
  const std::span found(sentence.reals(), static_cast<size_t>(sentence.n()));
  const std::vector<double> own(found.begin(), found.end());
  outline.is_unit = std::abs(length_of(own) - 1) < 1e-5;
  if (hidden.empty() || hidden.last() != sentence.last()) return;
  for (const PooledBy how : {PooledBy::mean, PooledBy::first, PooledBy::last, PooledBy::greatest}) {
    const std::vector<double> expected = pooled(how, hidden);
    if (are_alike(found, expected, outline.is_unit ? 1 / length_of(expected) : 1)) {
      outline.pooled = how;
      return;
    }
  }
}

}  // namespace

Budget budget_of_trial(const OnnxFile& file) {
  constexpr int64_t kLive = int64_t{1} << 26, kMade = int64_t{1} << 30, kProducts = int64_t{1} << 31;
  // Weights may be used several times, or be made by nodes, from halves or from columns.
  const int64_t size = file.file_bytes();
  return {.live_bytes = kLive + 4 * size, .made_bytes = kMade + 16 * size, .products = kProducts + 64 * size};
}

std::vector<Binding> bindings(const Outline& outline, std::span<const int32_t> ids, std::span<const int32_t> types,
                              Budget& budget) {
  const int64_t n = std::ssize(ids);
  std::vector<Binding> result;
  const auto bind = [&](OnnxValue value, auto element) {
    if (value == kNoOnnxValue) return;
    Value bound(Kind::integer, {1, n}, budget);
    for (int64_t i = 0; i < n; ++i) bound.as<int64_t>()[i] = element(static_cast<size_t>(i));
    result.emplace_back(value, std::move(bound));
  };
  bind(outline.ids, [&](size_t i) { return ids[i]; });
  bind(outline.mask, [](size_t) { return 1; });
  bind(outline.types, [&](size_t i) { return types.empty() ? 0 : types[i]; });
  bind(outline.positions, [](size_t i) { return i; });
  return result;
}

Outline outline_of(const std::shared_ptr<const OnnxFile>& file) {
  Outline outline;
  find_inputs(*file, outline);
  find_vocabulary(*file, outline);
  const std::vector<OnnxValue> outputs = outputs_of(file->graph());
  const Program program(file, outputs);
  Budget budget = budget_of_trial(*file);
  std::vector<int32_t> ids;
  for (const int32_t id : kTrial) ids.push_back(static_cast<int32_t>(id % outline.vocab_size));
  const std::vector<Value> values = program.run(bindings(outline, ids, {}, budget), budget, nullptr);
  for (const OnnxValue output : outputs) take_output(values[output], output, std::ssize(ids), outline);
  if (outline.output() == kNoOnnxValue) fail(*file, "gives no hidden states and no vector of a text");
  if (outline.sentence != kNoOnnxValue) find_pooling(values[outline.hidden], values[outline.sentence], outline);
  outline.d_model = values[outline.output()].last();
  return outline;
}

}  // namespace tidemill::onnx
