// Where a weight of ours stands in a file that may name, join, transpose or stack weights otherwise.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

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

struct WeightPlace {
  std::string name;  // in the file
  std::optional<int64_t> expert = {};
  Part part = Part::whole;
  Change change = Change::none;
  RowRange range = {};
};

// By the first row of `names` that speaks of it; a weight that none speaks of is under our own name.
WeightPlace place_of_weight(std::span<const WeightName> names, const std::string& ours);

// Row i of a weight is row begin + i / group * period + i % group of the tensor that it is part of.
struct RowPattern {
  int64_t begin = 0;
  int64_t group = 0;  // 0: all of them, a range
  int64_t period = 0;
  int64_t total = 0;  // rows of that tensor
  bool is_range() const { return group == 0; }
  int64_t row(int64_t i) const { return is_range() ? begin + i : begin + i / group * period + i % group; }
};

// Of a weight of `n` rows.
RowPattern row_pattern(const WeightPlace& place, int64_t n, const HeadCounts& heads);

}  // namespace tidemill
