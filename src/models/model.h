// Model: the architecture of a network, written in Ops, over weights that somebody else keeps.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/loaded_weights.h"
#include "models/state_spec.h"
#include "ops/backend.h"
#include "ops/ops.h"

namespace tidemill {

struct FileForm;
struct FileTarget;

// One weight of a model.  Names are GGUF's ("blk.0.attn_q.weight"), whatever file a model came from.
struct Parameter {
  std::string name;
  Tensor* tensor = nullptr;  // where the model keeps it; empty when the model does not have it
  Shape shape;
  WeightRole role = WeightRole::matrix;
  bool is_optional = false;  // a file may lack it
};

// Of the embedding of tokens: without an output matrix it is that as well.
inline WeightRole embedding_role(const Tensor& output) {
  return output.empty() ? WeightRole::tied_head : WeightRole::embedding;
}

// What every architecture can say of itself; the rest of its configuration is its own.
struct ModelConfig {
  std::string architecture;  // "gemma3", a row of models/registry.cpp
  int64_t vocab_size = 0;
  int64_t context_length = 0;  // positions it was trained for
  int64_t d_model = 0;
  int64_t n_layers = 0;
  bool is_encoder = false;  // hidden states of whole sequences are all that it gives, or is asked for
};

// Tokens of one or many sequences, packed without padding.
struct Batch {
  std::span<const int32_t> tokens;       // [n_rows]
  std::span<const int32_t> positions;    // [n_rows]
  std::span<const int32_t> output_rows;  // rows whose hidden state is wanted; ascending
  std::span<const StateRun> state_runs;  // [n_layers, n_sequences]: which rows continue which state
  int64_t n_sequences = 0;
  std::span<const int32_t> types = {};  // [n_rows], for encoders that tell texts of a pair apart; empty: all 0
  // [n_rows], of the text that each row is part of, for models whose keys depend on it (StateSpec::longer); empty where
  // none do.
  std::span<const int32_t> lengths = {};

  // The sequences' states at one layer.  An encoder's have none: one layer says where each begins and ends.
  std::span<const StateRun> runs(int64_t layer) const {
    return state_runs.subspan(static_cast<size_t>(layer * n_sequences), static_cast<size_t>(n_sequences));
  }
};

// Immutable once its weights are in place; `forward` may run on any thread, one Ops each.
class Model {
 public:
  virtual ~Model() = default;

  const ModelConfig& config() const { return config_; }
  virtual StateSpec state_spec() const = 0;  // an encoder keeps nothing

  // From now on hidden states of whole sequences are all that is asked for.  Throws unsupported for models that cannot
  // read a sequence without keeping a state.
  void use_as_encoder();

  // Hidden states of the batch's output rows after the final norm, [n_outputs, d_model].  Writes the states of the
  // batch's sequences at the rows' positions but leaves their n_past to the caller.
  virtual Tensor forward(Ops& ops, const Batch& batch) const = 0;
  // The same in steps, for those who hold the weights of one layer at a time: each step gets what the one before it
  // gave, [n_rows, d_model], which may be changed, and the last one gives what `forward` gives.
  virtual int64_t n_steps() const { return 1; }
  virtual Tensor step(Ops& ops, const Batch& batch, int64_t index, const Tensor& x) const;
  // Whether step `index` reads the weight; the last one is taken to ask for scores as well.
  bool reads_in_step(std::string_view name, WeightRole role, int64_t index) const;
  // Scores of the next token for hidden states, [n_rows, vocab_size]; of a row alone those out of `reach` may be
  // -infinity.  Throws unsupported for an encoder.
  virtual Tensor logits(Ops& ops, const Tensor& hidden, const ScoreReach& reach) const = 0;

  // Calls `list` once for every weight that the model may have.
  using Lister = std::function<void(const Parameter&)>;
  virtual void list_params(const Lister& list) = 0;

  // How a file of another kind holds this model (models/file_form.h).  Throws unsupported for what it has no word for.
  virtual FileForm form_in(const FileTarget& target) const;

  // Calls `visit` once for every weight that the model has.  The visitor may replace the tensor, by the same weight in
  // a backend's layout.
  using Visitor = std::function<void(std::string_view name, Tensor& weight, WeightRole role)>;
  void visit_params(const Visitor& visit);

  // Frees what the model made for a weight that the visitor has replaced; `weight` is what it was before.
  void drop_made(const Tensor& weight) { loaded_.made.drop(weight.data()); }

  // How its weights are made of the tensors of its file; empty for a model that reads them in a way of its own.
  const std::vector<WeightRecipe>& recipes() const { return loaded_.recipes; }

 protected:
  ModelConfig config_;
  LoadedWeights loaded_;
};

}  // namespace tidemill
