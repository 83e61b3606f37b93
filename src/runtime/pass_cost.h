// PassCost: what a pass of the model takes here, by the number of its rows, learnt from the passes that were run.
//
// A pass of one row reads every weight once and computes little; each further row adds some arithmetic, and the second
// one also the change from products with a vector to products of matrices.  So one row is kept by itself and more of
// them are fitted by a line, newer passes counting more.
#pragma once

#include <cstdint>

namespace tidemill {

// Not thread-safe.
class PassCost {
 public:
  static constexpr int64_t kMostRows = 32;  // passes of more rows read prompts, and are not learnt from

  // A pass of `n_rows`, all of whose scores were wanted, took so long.
  void add(int64_t n_rows, double seconds);
  // What `n_rows` take; 0 before anything is known.  Never less than fewer rows take.
  double seconds(int64_t n_rows) const;

 private:
  double one_ = 0;  // seconds of a row alone; 0: not known
  // Of passes with more rows: sums of weights, rows, seconds and their products.
  double weight_ = 0, rows_ = 0, seconds_ = 0, rows_rows_ = 0, rows_seconds_ = 0;
};

// What a pass is to hold: the rows that it has anyway, and the ids that are expected of it.
class PassLoad {
 public:
  // Each of `n_texts` gets its next id from the pass; `n_other_rows` give none.
  PassLoad(const PassCost& cost, int64_t n_texts, int64_t n_other_rows = 0)
      : cost_(&cost), n_rows_(n_texts + n_other_rows), n_ids_(static_cast<double>(n_texts)) {}

  int64_t n_rows() const { return n_rows_; }
  // Ids a second when `n_rows` more give `n_ids` more, after `seconds` of other work; 0 while the cost is not known.
  double rate_with(int64_t n_rows, double n_ids, double seconds) const;
  void add(int64_t n_rows, double n_ids) { n_rows_ += n_rows, n_ids_ += n_ids; }

 private:
  const PassCost* cost_;
  int64_t n_rows_;
  double n_ids_;
};

}  // namespace tidemill
