// PrefixCache: the beginnings of texts, kept for prompts that begin alike.
//
// A tree over token ids, a page's worth of them (ops/paged_rows.h) at each node, so that texts with a common beginning
// keep its pages once (Kwon et al. 2023, arXiv:2309.06180; Zheng et al. 2023, arXiv:2312.07104).  Ids are compared, not
// hashed: nothing can collide.  Where layers are recurrent a state cannot be cut, so nodes also hold the slots behind
// their last id, where somebody had them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
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
  // Keeps at most `max_bytes` of pages and slots of `pool`, which outlives this object; of more, what was used least
  // lately goes.
  PrefixCache(StatePool& pool, int64_t max_bytes) : pool_(pool), max_bytes_(max_bytes) {}

  struct Found {
    Sequence sequence;  // holds as much of the beginning of the prompt as is kept, but never its last id
    // How many ids of the prompt are known here, with or without slots behind them.  Where that is more than the
    // sequence holds, the state behind so many is worth keeping: prompts part there.
    int64_t n_known;
  };
  // Only texts of the same `owner` are looked at: how long a prompt takes must not tell one client of another's.
  // Throws out_of_memory when there is no state left.
  Found take(std::span<const int32_t> prompt, const std::string& owner);

  // Keeps what `sequence` holds: whole pages, and with `with_rest` the last one as well.  Its state goes on unharmed.
  void add(const Sequence& sequence, const std::string& owner, bool with_rest);

  // Forgets everything.
  void clear();

  int64_t n_bytes() const { return n_bytes_; }

 private:
  struct Node;
  struct ByIds {
    using is_transparent = void;
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return std::ranges::lexicographical_compare(a, b);
    }
  };
  using Children = std::map<std::vector<int32_t>, std::unique_ptr<Node>, ByIds>;

  struct Node {
    Node* parent = nullptr;  // null for an owner's root, which holds nothing
    Children::iterator self = {};
    PageSet pages = {};
    std::vector<std::byte> slots = {};
    int64_t n_bytes = 0;
    std::list<Node*>::iterator use = {};
    Children children = {};

    const std::vector<int32_t>& ids() const { return self->first; }
  };

  Node& child_of(Node& parent, std::span<const int32_t> ids, std::span<const PageSet> pages);
  void add_pages(Node& node, std::span<const PageSet> pages);
  int64_t usable(std::span<const PageSet> pages, int64_t n) const;
  Node* slots_behind(Node* node, std::span<const int32_t> rest, int64_t* n_ids) const;
  void keep_slots(Node& node, const State& state);
  void touch(Node* node);
  void shrink();
  void forget(Node& node);

  StatePool& pool_;
  int64_t max_bytes_;
  int64_t n_bytes_ = 0;
  // By owner, and whether keys are of long texts (LongerTexts).
  std::map<std::pair<std::string, bool>, Node> roots_;
  // Lately used first, and a node before those below it: the last one has none below it.
  std::list<Node*> by_use_;
};

}  // namespace tidemill
