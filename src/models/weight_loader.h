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
#include <string_view>
#include <utility>
#include <vector>

#include "formats/weights.h"
#include "models/made_weights.h"
#include "models/model.h"

namespace tidemill {

// Which of the rows of a tensor are the weight.
enum class Part : uint8_t {
  whole,
  query,  // rows joined as [query; key; value]
  key,
  value,
  query_of_head,  // rows joined as [query; key; value] head by head (GPT-NeoX)
  key_of_head,
  value_of_head,
  first_half,
  second_half,
  even_rows,
  odd_rows,
  range,  // as WeightName::range says
};

// What else is different in the file.
enum class Change : uint8_t {
  none,
  transposed,          // [in, out]
  transposed_neg_exp,  // -e^t of the file's number t, with the axes the other way round (decays of Mamba)
  kernel_first,        // [channels, kernel] of a convolution, or with an axis of one between; a range is of channels
  less_one,            // the file holds the weight less one (Gemma's norms)
  // Vectors, or matrices of one row, whose axes the file may hold apart, or with more or less of length one:
  flattened,
  exp,          // the weight is e^t of the file's number t
  neg_exp,      // -e^t (decays of Mamba-2 and RWKV-4)
  exp_neg_exp,  // e^-(e^t) (decays of RWKV-5)
  // The file has two tensors of bytes, NAME_blocks and NAME_scales (gpt-oss), which become blocks of MXFP4.
  mxfp4,
};

// Rows of a tensor that joins several weights, as a whole or group by group.
struct RowRange {
  int64_t begin = 0;   // the first one
  int64_t total = 0;   // of the tensor
  int64_t group = 0;   // rows that follow each other; 0: all of them
  int64_t period = 0;  // from one group's first row to the next one's
};

struct WeightName {
  std::string_view ours;    // with or without ".weight" or ".bias"; a '*' stands for each number
  std::string_view theirs;  // the same, with as many '*', or one less where experts are stacked along the first axis
  Part part = Part::whole;
  Change change = Change::none;
  RowRange range = {};
};

// What joined projections are cut by.
struct HeadCounts {
  int64_t n_heads = 0, n_kv_heads = 0, head_dim = 0;
};

class WeightLoader {
 public:
  // `weights` and `names` outlive this object.  Memory for weights that have to be laid out anew goes to `made`.
  // A weight that no row of `names` speaks of is expected under our own name, and every weight of packed ones.  In the
  // file `prefix` stands before all names; what lacks it belongs to something around the model, as a head for another
  // task.
  WeightLoader(const Weights& weights, std::span<const WeightName> names, HeadCounts heads, MadeWeights& made,
               std::string prefix = {})
      : weights_(weights), names_(names), heads_(heads), made_(made), prefix_(std::move(prefix)) {}

  // Sets the parameter's tensor.  Throws bad_file, naming the file's tensor, when it is missing (unless the parameter
  // is optional) or has another shape than expected.
  void load(const Parameter& parameter);
  // Throws bad_file, naming it, when the file has a tensor that nothing asked for, unless its name ends in one of
  // `ignored`, or begins so where that ends in a dot.
  void expect_all_used(std::span<const std::string_view> ignored) const;

 private:
  struct Place {
    std::string name;  // in the file
    std::optional<int64_t> expert;
    Part part = Part::whole;
    Change change = Change::none;
    RowRange range = {};
  };
  // Row i of a weight is row begin + i / group * period + i % group of the tensor it is found in.
  struct RowPattern {
    int64_t begin = 0;
    int64_t group = 0;  // 0: all of them, a range
    int64_t period = 0;
    bool is_range() const { return group == 0; }
    int64_t row(int64_t i) const { return is_range() ? begin + i : begin + i / group * period + i % group; }
  };

  Place place_of(const std::string& ours) const;
  Tensor seen_as(const Tensor& found, const Place& place, const Parameter& parameter) const;
  RowPattern rows_of(const Tensor& tensor, const Place& place, const Tensor& found, const Parameter& parameter) const;
  Tensor made_anew(const Tensor& tensor, const RowPattern& rows, const Parameter& parameter);
  Tensor changed(const Tensor& weight, Change change);
  void load_mxfp4(const Place& place, const Parameter& parameter);
  Tensor bytes_of(const Place& place, const Parameter& parameter, int64_t n_blocks);
  [[noreturn]] void fail_shape(const Place& place, const Tensor& found, const Shape& expected) const;

  const Weights& weights_;
  std::span<const WeightName> names_;
  HeadCounts heads_;
  MadeWeights& made_;
  std::string prefix_;
  std::set<std::string> used_;
};

}  // namespace tidemill
