#include "api/calibration.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>
#include <utility>

#include "api/answer_distance.h"
#include "backends/registry.h"
#include "models/registry.h"
#include "ops/planner.h"
#include "runtime/state.h"
#include "tidemill/error.h"
#include "tidemill/probability.h"

namespace tidemill {
namespace {

int64_t piece_length(const Model& model) {
  return std::max<int64_t>(1, std::min(kCalibrationPiece, model.config().context_length));
}

void add_piece(CalibrationText& text, std::span<const int32_t> ids) {
  text.pieces.emplace_back(ids.begin(), ids.end());
  text.n_tokens += std::ssize(ids);
}

// Pieces of equal length; each but the first begins in the middle of something, as contexts often do.
void cut(CalibrationText& result, std::span<const int32_t> ids, int64_t length) {
  const auto n = static_cast<size_t>(length);
  for (size_t begin = 0; begin < ids.size() && result.n_tokens < kMostCalibrationTokens; begin += n)
    add_piece(result, ids.subspan(begin, std::min(n, ids.size() - begin)));
}

// Texts that are embedded are short: a line is one.
void cut_lines(CalibrationText& result, const Tokenizer& tokenizer, std::string_view text, int64_t length) {
  while (!text.empty() && result.n_tokens < kMostCalibrationTokens) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    std::vector<int32_t> ids = tokenizer.encode(line);
    if (std::ssize(ids) > length) ids.resize(static_cast<size_t>(length));
    if (!ids.empty()) add_piece(result, ids);
  }
}

}  // namespace

CalibrationText calibration_text(const ModelFile& file, const Model& model, const std::string& text) {
  const auto tokenizer = file.load_tokenizer({});
  if (!tokenizer)
    throw Error(ErrorCode::not_found, file.weights().path() +
                                          ": has no tokenizer, without which no text can be read; put the model's "
                                          "tokenizer.json beside its weights, or use --method rtn");
  CalibrationText result;
  if (model.config().is_encoder) {
    cut_lines(result, *tokenizer, text, piece_length(model));
  } else {
    // More than is wanted need not be encoded: no token of a usual text is longer than 16 bytes on average.
    const size_t most_bytes = std::min(text.size(), static_cast<size_t>(16 * kMostCalibrationTokens));
    cut(result, tokenizer->encode(std::string_view(text).substr(0, most_bytes)), piece_length(model));
  }
  if (result.n_tokens < kLeastCalibrationTokens)
    throw Error(ErrorCode::invalid_argument, "--calibration: the text has " + std::to_string(result.n_tokens) +
                                                 " tokens; at least " + std::to_string(kLeastCalibrationTokens) +
                                                 " are needed, and " + std::to_string(kMostCalibrationTokens) +
                                                 " are read where there are as many");
  return result;
}

namespace {

// Everything that a model asks to know of a pass.
struct Rows {
  std::vector<int32_t> tokens, positions, lengths, types, outputs;
  std::vector<StateRun> runs;  // [n_layers, n_pieces]

  Batch batch(int64_t n_pieces) const {
    return {.tokens = tokens,
            .positions = positions,
            .output_rows = outputs,
            .state_runs = runs,
            .n_sequences = n_pieces,
            .types = types,
            .lengths = lengths};
  }
};

Rows rows_of(const CalibrationModel::Pass& pass) {
  Rows rows;
  for (const auto& piece : pass.pieces) {
    rows.runs.push_back({.first_row = std::ssize(rows.tokens), .n_rows = std::ssize(piece)});
    rows.tokens.insert(rows.tokens.end(), piece.begin(), piece.end());
    for (size_t i = 0; i < piece.size(); ++i) rows.positions.push_back(static_cast<int32_t>(i));
    rows.lengths.resize(rows.tokens.size(), static_cast<int32_t>(piece.size()));
  }
  rows.types.resize(rows.tokens.size());
  rows.outputs.resize(rows.tokens.size());
  std::iota(rows.outputs.begin(), rows.outputs.end(), 0);
  return rows;
}

// Of activations, the widest step counted, and the scores that are asked for together.
int64_t plan_bytes(const Model& model, const StateSpec& spec, bool is_encoder, int64_t n_tokens) {
  Arena arena = Arena::planner();
  PlanningKernels kernels;
  Ops ops(kernels, arena);
  CalibrationModel::Pass pass{.pieces = {std::vector<int32_t>(static_cast<size_t>(n_tokens))}};
  Rows rows = rows_of(pass);
  std::ranges::fill(rows.positions, 0);  // those of the longest pass are of no text: it has several
  rows.runs.resize(static_cast<size_t>(model.config().n_layers), rows.runs[0]);
  for (size_t layer = 0; layer < spec.layers.size(); ++layer) {
    const Tensor cache(nullptr, DType::f32, {n_tokens, spec.layers[layer].kv_width});
    rows.runs[layer].keys = rows.runs[layer].values = cache;
    rows.runs[layer].slot = Tensor(nullptr, DType::f32, {spec.layers[layer].slot_size});
  }
  const Tensor hidden = model.forward(ops, rows.batch(1));
  const int64_t n_scored = std::min(CalibrationModel::kAnswerStep, n_tokens);
  if (!is_encoder) model.logits(ops, hidden.slice(0, 0, n_scored), ScoreReach());
  // What a step is given lies in the arena as well.
  return arena.peak_bytes() + 2 * n_tokens * model.config().d_model * static_cast<int64_t>(sizeof(float));
}

StateSpec spec_of(const Model& model) {
  StateSpec spec = model.state_spec();
  return spec.is_recurrent() ? spec : StateSpec();
}

}  // namespace

int64_t CalibrationModel::Pass::n_tokens() const {
  int64_t n = 0;
  for (const auto& piece : pieces) n += std::ssize(piece);
  return n;
}

CalibrationModel::CalibrationModel(const ModelFile& file, ThreadPool& pool)
    : file_(file),
      pool_(pool),
      model_(make_model(file.source())),
      is_encoder_(file.makes_vectors() || model_->config().is_encoder),
      arena_(Arena::planner()) {
  const StateSpec spec = spec_of(*model_);
  // Whole pieces are read at once, so that attention needs no caches.
  if (spec.layers.empty()) model_->use_as_encoder();
  const int64_t longest = std::max(kPassTokens, piece_length(*model_));
  if (!spec.layers.empty()) states_ = std::make_unique<StatePool>(spec, longest, DType::f32, 1);
  arena_ = Arena(plan_bytes(*model_, spec, is_encoder_, longest));
}

std::vector<CalibrationModel::Pass> CalibrationModel::passes_of(std::span<const std::vector<int32_t>> pieces) const {
  std::vector<Pass> passes;
  for (const auto& piece : pieces) {
    const bool is_full = passes.empty() || states_ || passes.back().n_tokens() + std::ssize(piece) > kPassTokens;
    if (is_full) passes.emplace_back();
    passes.back().pieces.push_back(piece);
  }
  return passes;
}

void CalibrationModel::give_back() {
  model_->visit_params([&](std::string_view name, Tensor& weight, WeightRole) {
    if (const auto found = stored_.find(std::string(name)); found != stored_.end()) weight = found->second;
  });
  stored_.clear();
  backend_.reset();
}

void CalibrationModel::enter(int64_t step) {
  give_back();
  step_ = step;
  backend_ = make_backend("cpu", pool_, Precision::f32);
  model_->visit_params([&](std::string_view name, Tensor& weight, WeightRole role) {
    if (!model_->reads_in_step(name, role, step)) return;
    if (file_.weights().is_packed() && role == WeightRole::vector) return;
    stored_[std::string(name)] = weight;
    weight = backend_->adopt(weight, role, [&](const Tensor& part) { file_.weights().release(part); });
  });
}

void CalibrationModel::advance(Pass& pass, Kernels& kernels, const Answer& answer) {
  Rows rows = rows_of(pass);
  const int64_t n_layers = model_->config().n_layers, n_pieces = std::ssize(pass.pieces);
  StatePool::Lease state;
  if (states_) {  // of one piece
    state = states_->acquire();
    state->make_room(pass.n_tokens());
  }
  const std::vector<StateRun> first = rows.runs;
  rows.runs.clear();
  for (int64_t layer = 0; layer < n_layers; ++layer) {
    for (StateRun run : first) {
      if (state) {
        const LayerState& own = state->layers()[static_cast<size_t>(layer)];
        run.keys = own.keys;
        run.values = own.values;
        run.slot = own.slot;
      }
      rows.runs.push_back(run);
    }
  }
  arena_.rewind(0);
  Ops ops(kernels, arena_);
  const int64_t d_model = model_->config().d_model;
  Tensor x;
  if (step_ > 0) {
    x = arena_.allocate(DType::f32, {pass.n_tokens(), d_model});
    std::ranges::copy(pass.hidden, x.as<float>());
  }
  const Tensor found = model_->step(ops, rows.batch(n_pieces), step_, x);
  pass.hidden.assign(found.as<float>(), found.as<float>() + found.n_elements());
  if (step_ + 1 == n_steps()) end(found, pass, kernels, answer);
}

void CalibrationModel::end(const Tensor& hidden, const Pass& pass, Kernels& kernels, const Answer& answer) {
  int64_t first = 0;
  for (const auto& piece : pass.pieces) {
    const Tensor own = hidden.slice(0, first, first + std::ssize(piece));
    first += std::ssize(piece);
    if (is_encoder_) {
      if (answer) answer(mean_state(own));
      continue;
    }
    Ops ops(kernels, arena_);
    for (int64_t row = 0; row < own.dim(0); row += kAnswerStep) {
      const int64_t end = std::min(own.dim(0), row + kAnswerStep);
      ask(own.slice(0, answer ? end - 1 : row, end), ops, answer);  // who watches sees all rows
    }
  }
}

void CalibrationModel::ask(const Tensor& rows, Ops& ops, const Answer& answer) const {
  const Ops::Scope memory(ops);
  const Tensor scores = model_->logits(ops, rows, ScoreReach());
  if (!answer) return;
  std::vector<float> one(scores.row<float>(0), scores.row<float>(0) + scores.dim(1));
  const auto total = static_cast<float>(log_sum_exp(one));
  for (float& score : one) score -= total;
  answer(std::move(one));
}

double CalibrationModel::distance(std::span<const float> truth, std::span<const float> other) const {
  return is_encoder_ ? one_less_cosine(truth, other) : divergence(truth, 0, other, 0);
}

}  // namespace tidemill
