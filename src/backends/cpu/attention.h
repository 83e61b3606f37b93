// Scaled dot-product attention over key/value caches, for decode steps and long prompts alike, and over whole sequences
// without caches.
#pragma once

#include <span>
#include <vector>

#include "backends/cpu/attention_block.h"
#include "backends/cpu/scratch.h"
#include "sys/thread_pool.h"

namespace tidemill {

// Holds the scratch memory that calls share; one call at a time.
class Attention {
 public:
  // `pool` outlives this object.
  explicit Attention(ThreadPool& pool) : pool_(pool) {}

  // With caches of f32 or f16 (a number too large for f16 is stored as the largest one).  Each row
  // of `out` is bit-identical whatever shares the call, however its sequence was cut into calls, and whatever the
  // number of threads.  Allocates only when a call needs more scratch than any before; growing contexts need none,
  // because scratch is sized by the capacity of the caches.
  void compute(const op::Attention& operation);

  // Attention of the rows of q over the caches of `runs` as they are: nothing is appended.  A cache may have fewer
  // positions than its run, or rows of f32 or f16 that are any number of bytes apart, as many for keys as for values.
  // `biases` are those of the runs, one each, or none at all; they are finite.
  void compute(const Tensor& q, std::span<const StateRun> runs, const AttentionOptions& options,
               std::span<const ScoreBias> biases, const Tensor& out);

 private:
  // The operation's runs, appended to; rows of k and v where a run has no caches.
  std::span<const StateRun> with_caches(const op::Attention& operation);
  // A distance bias with the distances of a head side by side: [n_heads, n_distances].
  Tensor by_head(const Tensor& bias);
  void append(const Tensor& k, const Tensor& v, std::span<const StateRun> runs);
  // Cuts the queries into blocks_ of at least so many that all threads have work.
  void cut(std::span<const StateRun> runs, std::span<const ScoreBias> biases, const AttentionOptions& options);
  // Whether blocks_ are so few that threads have to share the tiles of a block.
  bool is_worth_splitting(const AttentionOptions& options) const;
  void run_blocks(const Tensor& q, const AttentionOptions& options, const Tensor& out);
  void run_tiles(const Tensor& q, const AttentionOptions& options, const Tensor& out);

  ThreadPool& pool_;
  std::vector<StateRun> runs_;  // when some have no caches
  std::vector<QueryBlock> blocks_;
  int64_t queries_per_block_ = 0;
  Scratch thread_scratch_;  // a BlockScratch for each thread
  Scratch parts_;           // Parts for each tile of each block, when tiles are shared
  Scratch bias_;
};

}  // namespace tidemill
