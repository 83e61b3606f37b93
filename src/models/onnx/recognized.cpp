#include "models/onnx/recognized.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "models/encoder.h"
#include "models/onnx/heads.h"
#include "ops/planner.h"
#include "ops/reference.h"
#include "tidemill/error.h"

namespace tidemill::onnx {
namespace {

constexpr int64_t kLongestMask = 2048;  // windows are shorter, where they are any
constexpr int kMostSums = 8;            // of embeddings

// The initialisers that a model uses, among all that a file has.
class UsedWeights final : public Weights {
 public:
  UsedWeights(const OnnxFile& file, std::set<std::string> names) : file_(file), names_(std::move(names)) {}
  const std::string& path() const override { return file_.path(); }
  std::vector<std::string> names() const override { return {names_.begin(), names_.end()}; }
  std::optional<Tensor> find(std::string_view name) const override { return file_.find(name); }
  void release(const Tensor& tensor) const override { file_.release(tensor); }
  void drop(const Tensor& tensor) const override { file_.drop(tensor); }

 private:
  const OnnxFile& file_;
  std::set<std::string> names_;
};

struct LayerFound {
  AttentionFound attention;
  LinearFound out, down;
  HiddenFound hidden;
  std::optional<NormFound> attn_norm;  // the first layer of ModernBERT reads what has just left a norm
  NormFound ffn_norm;
};

// What make_encoder takes.
struct EncoderFound {
  EncoderConfig config;
  std::deque<std::string> texts;  // of `names`, which are views
  std::vector<WeightName> names;
  UsedWeights weights;
};

class Recognizer {
 public:
  Recognizer(std::shared_ptr<const OnnxFile> file, const Outline& outline, std::span<const int32_t> ids,
             int64_t context_length)
      : file_(std::move(file)), outline_(outline), trace_(file_, outline, ids) {
    config_.model.context_length = context_length;
  }

  // Null when the graph's structure is not known.
  std::unique_ptr<EncoderFound> encoder();

 private:
  bool read_layers();
  bool read_layer(OnnxValue& hidden);
  bool read_feed_forward(OnnxValue value, OnnxValue residual, LayerFound& layer) const;
  bool read_attention(OnnxValue value, OnnxValue residual, LayerFound& layer) const;
  bool reads(OnnxValue value, OnnxValue residual, std::optional<NormFound>& norm) const;
  std::optional<std::pair<OnnxValue, OnnxValue>> summands(OnnxValue value) const;
  bool read_embeddings(OnnxValue value, int depth = kMostSums);
  bool read_embedding(OnnxValue value);
  bool read_positions(const OnnxTensor& table, OnnxValue rows);
  bool set_config();
  bool set_layer(size_t index);
  std::optional<int64_t> window(const std::vector<MaskFound>& masks);
  void add(const std::string& ours, OnnxValue initializer, Part part = Part::whole, bool is_transposed = false);
  void add(const std::string& ours, const NormFound& norm);
  bool add(const std::string& ours, const LinearFound& linear);

  std::shared_ptr<const OnnxFile> file_;
  const Outline& outline_;
  Trace trace_;
  EncoderConfig config_;
  std::vector<LayerFound> layers_;  // the last one first, until they are all there
  std::optional<NormFound> first_norm_, last_norm_;
  std::deque<std::string> texts_;  // of names_, which are views
  std::vector<WeightName> names_;
  std::set<std::string> used_;
  std::map<std::vector<OnnxValue>, std::optional<int64_t>> windows_;  // by masks
};

void Recognizer::add(const std::string& ours, OnnxValue initializer, Part part, bool is_transposed) {
  const std::string& theirs = trace_.name(initializer);
  used_.insert(theirs);
  const std::string& kept = texts_.emplace_back(ours);
  names_.push_back({.ours = kept,
                    .theirs = texts_.emplace_back(theirs),
                    .part = part,
                    .change = is_transposed ? Change::transposed : Change::none});
}

void Recognizer::add(const std::string& ours, const NormFound& norm) {
  add(ours + ".weight", norm.weight);
  if (norm.bias != kNoOnnxValue) add(ours + ".bias", norm.bias);
}

bool Recognizer::add(const std::string& ours, const LinearFound& linear) {
  constexpr Part kThirds[] = {Part::query, Part::key, Part::value};
  constexpr Part kHalves[] = {Part::first_half, Part::second_half};
  Part part = Part::whole;
  if (linear.n_parts == 3) part = kThirds[linear.part];
  if (linear.n_parts == 2) part = kHalves[linear.part];
  if (linear.n_parts > 3) return false;
  add(ours + ".weight", linear.weight, part, linear.is_transposed);
  if (linear.bias != kNoOnnxValue) add(ours + ".bias", linear.bias, part);
  return true;
}

// Whether a layer reads `residual`, through a norm where norms come first.
bool Recognizer::reads(OnnxValue value, OnnxValue residual, std::optional<NormFound>& norm) const {
  if (trace_.source(value) == trace_.source(residual)) return true;
  norm = find_norm(trace_, value);
  return norm && trace_.source(norm->input) == trace_.source(residual);
}

bool Recognizer::read_feed_forward(OnnxValue value, OnnxValue residual, LayerFound& layer) const {
  const auto down = find_linear(trace_, value);
  const auto hidden = down ? find_hidden(trace_, down->input) : std::nullopt;
  if (!hidden || (hidden->gate && hidden->gate->input != hidden->up.input)) return false;
  std::optional<NormFound> norm;
  if (!reads(hidden->up.input, residual, norm) || norm.has_value() != config_.norms_first) return false;
  layer.down = *down;
  layer.hidden = *hidden;
  if (norm) layer.ffn_norm = *norm;
  return true;
}

bool Recognizer::read_attention(OnnxValue value, OnnxValue residual, LayerFound& layer) const {
  const auto out = find_linear(trace_, value);
  const auto attention = out ? find_attention(trace_, out->input) : std::nullopt;
  if (!attention) return false;
  std::optional<NormFound> norm;
  const OnnxValue input = trace_.source(attention->query.input);
  const bool is_one = input == trace_.source(attention->key.input) && input == trace_.source(attention->value.input);
  if (!is_one || !reads(input, residual, norm) || (norm && !config_.norms_first)) return false;
  layer.out = *out;
  layer.attention = *attention;
  if (norm) layer.attn_norm = *norm;
  return true;
}

// Of a sum in the stream from layer to layer.
std::optional<std::pair<OnnxValue, OnnxValue>> Recognizer::summands(OnnxValue value) const {
  const OnnxNode* const add = trace_.maker(trace_.source(value), "Add");
  if (add == nullptr || !trace_.depends(add->input(0)) || !trace_.depends(add->input(1))) return {};
  return std::pair(add->input(0), add->input(1));
}

// The layer whose sum is `hidden`; goes on to what it reads.
bool Recognizer::read_layer(OnnxValue& hidden) {
  LayerFound layer;
  const auto with_either = [&](OnnxValue value, auto read, OnnxValue& residual) {
    const auto both = summands(value);
    if (!both) return false;
    for (const auto& [y, x] : {*both, std::pair(both->second, both->first)}) {
      if (!(this->*read)(y, x, layer)) continue;
      residual = x;
      return true;
    }
    return false;
  };
  OnnxValue sum = hidden;
  std::optional<NormFound> norm;
  if (!config_.norms_first) {
    norm = find_norm(trace_, hidden);
    if (!norm) return false;
    layer.ffn_norm = *norm;
    sum = norm->input;
  }
  OnnxValue middle = kNoOnnxValue, before = kNoOnnxValue;
  if (!with_either(sum, &Recognizer::read_feed_forward, middle)) return false;
  if (!config_.norms_first) {
    layer.attn_norm = find_norm(trace_, middle);
    if (!layer.attn_norm) return false;
    middle = layer.attn_norm->input;
  }
  if (!with_either(middle, &Recognizer::read_attention, before)) return false;
  layers_.push_back(std::move(layer));
  hidden = before;
  return true;
}

bool Recognizer::read_layers() {
  const auto last = find_norm(trace_, outline_.hidden);
  if (!last) return false;
  for (const bool norms_first : {false, true}) {
    config_.norms_first = norms_first;
    layers_.clear();
    OnnxValue hidden = norms_first ? last->input : outline_.hidden;
    while (read_layer(hidden)) continue;
    if (layers_.empty()) continue;
    std::ranges::reverse(layers_);
    if (norms_first) last_norm_ = last;
    first_norm_ = find_norm(trace_, hidden);
    return read_embeddings(first_norm_ ? first_norm_->input : hidden);
  }
  return false;
}

bool Recognizer::read_embeddings(OnnxValue value, int depth) {
  value = trace_.source(value);
  const OnnxNode* const add = trace_.maker(value, "Add");
  if (add == nullptr) return read_embedding(value);
  return depth > 0 && read_embeddings(add->input(0), depth - 1) && read_embeddings(add->input(1), depth - 1);
}

// A table of which each token has a row.
bool Recognizer::read_embedding(OnnxValue value) {
  const OnnxNode* const gather = trace_.maker(value, "Gather");
  const OnnxValue initializer = gather == nullptr ? kNoOnnxValue : trace_.initializer(gather->input(0));
  if (initializer == kNoOnnxValue || gather->get_or("axis", int64_t{0}) != 0) return false;
  const OnnxTensor& table = trace_.graph().initializers.at(initializer);
  if (table.dims.size() != 2) return false;
  const OnnxValue rows = trace_.source(gather->input(1));
  const Value& numbers = trace_.value(rows);
  const bool are_zero =
      numbers.kind() == Kind::integer &&
      std::all_of(numbers.integers(), numbers.integers() + numbers.n(), [](int64_t x) { return x == 0; });
  if (rows == outline_.ids) {
    config_.model.vocab_size = table.dims[0];
    config_.model.d_model = table.dims[1];
    add("token_embd.weight", initializer);
    return true;
  }
  if (rows == outline_.types || (are_zero && !trace_.depends(rows))) {
    config_.n_types = table.dims[0];
    add("token_types.weight", initializer);
    return true;
  }
  if (!read_positions(table, rows)) return false;
  add("position_embd.weight", initializer);
  return true;
}

// Rows one after another; where they depend on the ids, those of padding count for none, as in RoBERTa.
bool Recognizer::read_positions(const OnnxTensor& table, OnnxValue rows) {
  const Value& numbers = trace_.value(rows);
  if (numbers.kind() != Kind::integer || numbers.n() < 2) return false;
  config_.first_position = numbers.integers()[0];
  for (int64_t i = 0; i < numbers.n(); ++i) {
    if (numbers.integers()[i] != config_.first_position + i) return false;
  }
  config_.n_position_rows = table.dims[0];
  config_.padding_id = trace_.depends(rows) ? config_.first_position - 1 : -1;
  config_.model.context_length = table.dims[0] - config_.first_position;
  return config_.first_position >= 0 && config_.model.context_length > 0;
}

// Layers share masks.
std::optional<int64_t> Recognizer::window(const std::vector<MaskFound>& masks) {
  std::vector<OnnxValue> values;
  for (const MaskFound& mask : masks) values.push_back(mask.value);
  const auto [known, is_new] = windows_.emplace(values, std::nullopt);
  if (is_new) known->second = window_of(file_, outline_, masks, std::min(config_.model.context_length, kLongestMask));
  return known->second;
}

bool Recognizer::set_layer(size_t index) {
  const LayerFound& layer = layers_[index];
  const AttentionFound& attention = layer.attention;
  const auto has = [](const LinearFound& linear) { return linear.bias != kNoOnnxValue; };
  const bool is_alike =
      attention.n_heads == config_.n_heads && std::abs(attention.scale - config_.attention_scale) < 1e-6f &&
      has(attention.query) == config_.parts.qkv_bias && has(attention.key) == config_.parts.qkv_bias &&
      has(attention.value) == config_.parts.qkv_bias && has(layer.out) == config_.parts.out_bias &&
      has(layer.down) == config_.parts.ffn_bias && has(layer.hidden.up) == config_.parts.ffn_bias &&
      layer.hidden.activation == config_.activation && layer.hidden.gate.has_value() == config_.is_gated &&
      layer.ffn_norm.eps == config_.norm_eps && (!layer.attn_norm || layer.attn_norm->eps == config_.norm_eps);
  if (!is_alike) return false;
  const auto seen = window(attention.masks);
  if (!seen) return false;
  EncoderLayer& own = config_.layers[index];
  own = {.window = *seen, .rope = -1, .has_attn_norm = layer.attn_norm.has_value()};
  if (!attention.inv_freq.empty()) {
    RopeConfig rope{.n_rotated = 2 * std::ssize(attention.inv_freq), .base = 1};
    for (const float frequency : attention.inv_freq) rope.divisors.push_back(1 / frequency);
    const auto known = std::ranges::find(config_.ropes, rope.divisors, &RopeConfig::divisors);
    own.rope = static_cast<int>(known - config_.ropes.begin());
    if (known == config_.ropes.end()) config_.ropes.push_back(std::move(rope));
  }
  const std::string prefix = "blk." + std::to_string(index) + ".";
  if (layer.attn_norm) add(prefix + (config_.norms_first ? "attn_norm" : "attn_output_norm"), *layer.attn_norm);
  add(prefix + (config_.norms_first ? "ffn_norm" : "layer_output_norm"), layer.ffn_norm);
  return add(prefix + "attn_q", attention.query) && add(prefix + "attn_k", attention.key) &&
         add(prefix + "attn_v", attention.value) && add(prefix + "attn_output", layer.out) &&
         (!layer.hidden.gate || add(prefix + "ffn_gate", *layer.hidden.gate)) &&
         add(prefix + "ffn_up", layer.hidden.up) && add(prefix + "ffn_down", layer.down);
}

bool Recognizer::set_config() {
  const LayerFound& first = layers_.front();
  const LinearFound& query = first.attention.query;
  const auto has = [](const LinearFound& linear) { return linear.bias != kNoOnnxValue; };
  config_.model.architecture = "onnx";
  config_.model.n_layers = std::ssize(layers_);
  config_.layers.resize(layers_.size());
  config_.n_heads = first.attention.n_heads;
  config_.head_dim = query.n_out / query.n_parts / config_.n_heads;
  config_.d_ff = first.hidden.up.n_out / first.hidden.up.n_parts;
  config_.attention_scale = first.attention.scale;
  config_.norm_eps = first.ffn_norm.eps;
  config_.activation = first.hidden.activation;
  config_.is_gated = first.hidden.gate.has_value();
  config_.parts = {.embedding_norm = first_norm_.has_value(),
                   .norm_bias = first.ffn_norm.bias != kNoOnnxValue,
                   .qkv_bias = has(query),
                   .out_bias = has(first.out),
                   .ffn_bias = has(first.down)};
  if (first_norm_) add("token_embd_norm", *first_norm_);
  if (last_norm_) add("output_norm", *last_norm_);
  for (size_t index = 0; index < layers_.size(); ++index) {
    if (!set_layer(index)) return false;
  }
  for (const auto& norm : {first_norm_, last_norm_}) {
    if (norm && norm->eps != config_.norm_eps) return false;
  }
  const bool is_safe = std::ranges::none_of(used_, [](const std::string& name) { return name.find('*') != name.npos; });
  return is_safe && config_.model.vocab_size == outline_.vocab_size && config_.model.d_model == outline_.d_model &&
         config_.ropes.size() <= 2;
}

std::unique_ptr<EncoderFound> Recognizer::encoder() {
  if (!read_layers() || !set_config()) return nullptr;
  return std::make_unique<EncoderFound>(EncoderFound{.config = std::move(config_),
                                                     .texts = std::move(texts_),
                                                     .names = std::move(names_),
                                                     .weights = UsedWeights(*file_, std::move(used_))});
}

// The model's hidden states of one text, computed as tests do it.
std::vector<float> states_of(const Model& model, std::span<const int32_t> ids) {
  std::vector<int32_t> rows(ids.size());
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<int32_t>(i);
  const std::vector<StateRun> runs(static_cast<size_t>(model.config().n_layers),
                                   {.first_row = 0, .n_rows = std::ssize(ids)});
  const Batch batch{.tokens = ids, .positions = rows, .output_rows = rows, .state_runs = runs, .n_sequences = 1};
  Arena planner = Arena::planner();
  PlanningKernels nothing;
  Ops planning(nothing, planner);
  model.forward(planning, batch);
  Arena arena(planner.peak_bytes());
  ReferenceKernels kernels;
  Ops ops(kernels, arena);
  const Tensor hidden = model.forward(ops, batch);
  return {hidden.as<float>(), hidden.as<float>() + hidden.n_elements()};
}

// The graph's hidden states of one text.
std::vector<float> states_of(const std::shared_ptr<const OnnxFile>& file, const Outline& outline,
                             std::span<const int32_t> ids) {
  const Program program(file, {outline.hidden});
  Budget budget = budget_of_trial(*file);
  const auto values = program.run(bindings(outline, ids, {}, budget), budget, nullptr);
  const Value& hidden = values[outline.hidden];
  return {hidden.reals(), hidden.reals() + hidden.n()};
}

bool are_alike(const std::vector<float>& found, const std::vector<float>& expected) {
  if (found.size() != expected.size()) return false;
  float greatest = 0;
  for (const float value : expected) greatest = std::max(greatest, std::abs(value));
  for (size_t i = 0; i < found.size(); ++i) {
    if (!(std::abs(found[i] - expected[i]) <= 2e-5f * greatest)) return false;
  }
  return true;
}

// A text with padding in it, which is where model and graph could part.
std::array<int32_t, 3> text_with(int64_t padding_id, int64_t vocab_size) {
  return {static_cast<int32_t>(4 % vocab_size), static_cast<int32_t>((padding_id < 0 ? 6 : padding_id) % vocab_size),
          static_cast<int32_t>(3 % vocab_size)};
}

}  // namespace

std::unique_ptr<Model> recognize(const std::shared_ptr<const OnnxFile>& file, const Outline& outline,
                                 int64_t context_length) {
  if (outline.gives_sentence() || outline.vocab_size <= 5) return nullptr;
  auto recognizer = std::make_unique<Recognizer>(file, outline, std::array<int32_t, 3>{4, 5, 3}, context_length);
  try {
    const auto found = recognizer->encoder();
    if (!found) return nullptr;
    recognizer.reset();
    const auto ids = text_with(found->config.padding_id, outline.vocab_size);
    const std::vector<float> expected = states_of(file, outline, ids);
    file->forget_copies();  // the model takes its own
    auto model = make_encoder(found->config, {.weights = found->weights, .config_path = file->path()}, found->names);
    return are_alike(states_of(*model, ids), expected) ? std::move(model) : nullptr;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::bad_file && error.code() != ErrorCode::invalid_argument) throw;
    return nullptr;  // a weight does not fit the model that the graph looks like
  }
}

}  // namespace tidemill::onnx
