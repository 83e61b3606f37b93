// PrefixCache: states of texts that have ended, kept for prompts that begin alike.
//
// The best match is found by comparing the prompt with every kept text.  A radix tree would find it in one walk, but
// for some dozens of texts the comparisons take microseconds, and ids that are compared cannot collide as hashes can.
#pragma once

#include <cstdint>
#include <list>
#include <span>
#include <string>
#include <vector>

#include "runtime/state_pool.h"

namespace tidemill {

// A state and the ids whose effect it holds.
struct Sequence {
  StatePool::Lease state;
  std::vector<int32_t> ids;
};

// Not thread-safe.
class PrefixCache {
 public:
  // Keeps at most `max_kept` states of `pool`, which outlives this object.
  PrefixCache(StatePool& pool, int64_t max_kept) : pool_(pool), max_kept_(max_kept) {}

  // A text that may begin as a prompt does; `owner` is who may profit from it.
  struct Source {
    const Sequence* sequence;
    const std::string* owner;
  };

  // A sequence that holds as much of the beginning of `prompt` as a kept one or one of `others` does, but never its
  // last id, whose scores are needed.  Only texts of the same `owner` are looked at: how long a prompt takes must not
  // tell one client of another's.  Throws out_of_memory when there is no state left.
  Sequence take(std::span<const int32_t> prompt, const std::string& owner, std::span<const Source> others);

  // Takes back the sequence of a text that has ended; the one that was used least lately goes.
  void keep(Sequence sequence, const std::string& owner);

  int64_t n_kept() const { return std::ssize(kept_); }

 private:
  struct Kept {
    Sequence sequence;
    std::string owner;
  };
  StatePool& pool_;
  int64_t max_kept_;
  std::list<Kept> kept_;  // lately used first
};

}  // namespace tidemill
