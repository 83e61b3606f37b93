// Finds the weights of a model in a file that may name, join, transpose or stack them otherwise.
//
// Models name their weights as GGUF does ("blk.0.attn_q.weight"); a table says where each is found in files that
// another program wrote.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "formats/weights.h"
#include "models/loaded_weights.h"
#include "models/model.h"
#include "models/weight_place.h"

namespace tidemill {

class WeightLoader {
 public:
  // `weights` and `names` outlive this object.  Memory for weights that have to be laid out anew and
  // what was read go to `loaded`.
  // A weight that no row of `names` speaks of is expected under our own name, and every weight of packed ones.  In the
  // file `prefix` stands before all names; what lacks it belongs to something around the model, as a head for another
  // task.
  // The layers of a model may have been written without the head, and then without the first part of their names
  // ("model."): such files are read as well.
  WeightLoader(const Weights& weights, std::span<const WeightName> names, HeadCounts heads, LoadedWeights& loaded,
               std::string prefix = {});

  // One that only reads weights as other models' loaders did.
  WeightLoader(const Weights& weights, LoadedWeights& loaded) : weights_(weights), loaded_(loaded) {}

  // Sets the parameter's tensor.  Throws bad_file, naming the file's tensor, when it is missing (unless the parameter
  // is optional) or has another shape than expected.
  void load(const Parameter& parameter);
  // Reads a weight of another file of the same kind.  Throws as `load`.
  Tensor load(const WeightRecipe& recipe);
  // Throws bad_file, naming it, when the file has a tensor that nothing asked for, unless its name ends in one of
  // `ignored`, or begins so where that ends in a dot, or it is a bias of zeros, which changes nothing.
  void expect_all_used(std::span<const std::string_view> ignored) const;
  // Whether the file holds the parameter.
  bool has(const Parameter& parameter) const;

 private:
  void load_from(const WeightPlace& place, const Parameter& parameter);
  std::optional<Tensor> find(const std::string& name);
  WeightPlace place_of(const std::string& ours) const;
  Tensor seen_as(const Tensor& found, const WeightPlace& place, const Parameter& parameter) const;
  RowPattern rows_of(const Tensor& tensor, const WeightPlace& place, const Tensor& found,
                     const Parameter& parameter) const;
  Tensor made_anew(const Tensor& tensor, const RowPattern& rows, const Parameter& parameter);
  Tensor changed(const Tensor& weight, Change change);
  void load_mxfp4(const WeightPlace& place, const Parameter& parameter);
  bool is_bias_of_zeros(const std::string& name) const;
  Tensor bytes_of(const WeightPlace& place, const Parameter& parameter, int64_t n_blocks);
  [[noreturn]] void fail_shape(const WeightPlace& place, const Tensor& found, const Shape& expected) const;

  const Weights& weights_;
  std::span<const WeightName> names_ = {};
  HeadCounts heads_ = {};
  LoadedWeights& loaded_;
  std::string prefix_;
  std::string left_out_;  // what names of the table begin with and those of the file do not
  std::set<std::string> used_;
  std::vector<FileTensor> read_;  // of the weight that is being loaded
};

}  // namespace tidemill
