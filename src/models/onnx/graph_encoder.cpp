#include "models/onnx/graph_encoder.h"

#include <cstring>
#include <utility>

#include "formats/wording.h"
#include "models/weight_loader.h"
#include "tidemill/error.h"

namespace tidemill::onnx {
namespace {

// Of values at once; scores of 8,192 tokens and 12 heads take 3.2 GB.
constexpr int64_t kLiveBytes = int64_t{8} << 30;
constexpr int64_t kMadeBytes = int64_t{1} << 46, kProducts = int64_t{1} << 56;

class GraphEncoder final : public Model {
 public:
  GraphEncoder(std::shared_ptr<const OnnxFile> file, const Outline& outline, int64_t context_length)
      : outline_(outline), program_(std::move(file), {outline.output()}) {
    config_ = {.architecture = "onnx",
               .vocab_size = outline.vocab_size,
               .context_length = context_length,
               .d_model = outline.d_model,
               .n_layers = 1,
               .is_encoder = true};
    load_weights();
  }

  StateSpec state_spec() const override { return {}; }
  Tensor forward(Ops& ops, const Batch& batch) const override;
  Tensor logits(Ops&, const Tensor&, const ScoreReach&) const override {
    throw Error(ErrorCode::unsupported, "onnx: is an encoder, which gives hidden states and no scores of next tokens");
  }
  void list_params(const Lister& list) override {
    for (ProgramWeight& weight : program_.weights()) list({weight.name, &weight.tensor, weight.shape});
  }

 private:
  void load_weights();
  void encode(Ops& ops, const Batch& batch, const StateRun& run, const Tensor& hidden) const;

  Outline outline_;
  Program program_;
};

void GraphEncoder::load_weights() {
  std::vector<WeightName> names;
  for (const ProgramWeight& weight : program_.weights()) {
    if (weight.name.find('*') != std::string::npos)
      throw Error(ErrorCode::unsupported,
                  program_.file().path() + ": tensor " + quoted(weight.name) + ": has '*' in its name; rename it");
    const Change change = weight.is_transposed ? Change::transposed : Change::none;
    names.push_back({.ours = weight.name, .theirs = weight.name, .change = change});
  }
  WeightLoader loader(program_.file(), names, {}, loaded_);
  list_params([&](const Parameter& parameter) { loader.load(parameter); });
}

// A text alone: nothing in a graph says what of it may be shared with others.
void GraphEncoder::encode(Ops& ops, const Batch& batch, const StateRun& run, const Tensor& hidden) const {
  const auto first = static_cast<size_t>(run.first_row), n = static_cast<size_t>(run.n_rows);
  const auto types = batch.types.empty() ? batch.types : batch.types.subspan(first, n);
  Budget budget{.live_bytes = kLiveBytes, .made_bytes = kMadeBytes, .products = kProducts};
  const auto inputs = bindings(outline_, batch.tokens.subspan(first, n), types, budget);
  const std::vector<Value> values = program_.run(inputs, budget, &ops);
  const Value& output = values[outline_.output()];
  const bool is_sentence = outline_.gives_sentence();
  const int64_t n_rows = is_sentence ? 1 : run.n_rows;
  if (output.kind() != Kind::real || output.last() != config_.d_model || output.n() != n_rows * config_.d_model)
    throw Error(ErrorCode::bad_file, program_.file().path() + ": gives " + text_of(output.dims()) + " for a text of " +
                                         std::to_string(run.n_rows) + " tokens; export the model again");
  const auto row_bytes = static_cast<size_t>(config_.d_model) * sizeof(float);
  for (int64_t row = 0; row < run.n_rows; ++row)
    std::memcpy(hidden.row<float>(run.first_row + row), output.reals() + (is_sentence ? 0 : row * config_.d_model),
                row_bytes);
}

Tensor GraphEncoder::forward(Ops& ops, const Batch& batch) const {
  const Tensor shape(nullptr, DType::f32, {std::ssize(batch.tokens), config_.d_model});
  const Tensor hidden = ops.like(shape);
  // Values lie in memory of their own: how much is known only when a text is there.
  if (!ops.is_planning()) {
    for (const StateRun& run : batch.runs(0)) encode(ops, batch, run, hidden);
  }
  return ops.gather_rows(hidden, batch.output_rows);
}

}  // namespace

std::unique_ptr<Model> make_graph_encoder(std::shared_ptr<const OnnxFile> file, const Outline& outline,
                                          int64_t context_length) {
  return std::make_unique<GraphEncoder>(std::move(file), outline, context_length);
}

}  // namespace tidemill::onnx
