#include "runtime/prefix_cache.h"

#include <utility>

namespace tidemill {
namespace {

int64_t n_common(std::span<const int32_t> a, std::span<const int32_t> b) {
  return std::ranges::mismatch(a, b).in1 - a.begin();
}

// The first page's worth of `ids`.
std::span<const int32_t> first_page(std::span<const int32_t> ids) {
  return ids.first(std::min(ids.size(), static_cast<size_t>(kPageRows)));
}

}  // namespace

PrefixCache::Found PrefixCache::take(std::span<const int32_t> prompt, const std::string& owner) {
  Found found{.sequence = {.state = pool_.acquire(), .ids = {}}, .n_known = 0};
  const LongerTexts& longer = pool_.spec().longer;
  const bool is_long = longer.contains(std::ssize(prompt));
  const auto root = is_long && longer.changes_on ? roots_.end() : roots_.find({owner, is_long});
  if (root == roots_.end()) return found;

  std::span<const int32_t> rest = prompt.first(prompt.size() - 1);
  std::vector<PageSet> pages;
  Node* node = &root->second;
  Node* partial = nullptr;  // one whose page begins as `rest` does
  int64_t n_partial = 0;
  while (!rest.empty()) {
    // Of sorted keys, those beside the place of `wanted` have most in common with it.
    const std::span<const int32_t> wanted = first_page(rest);
    const auto next = node->children.lower_bound(wanted);
    for (const auto& child : {next, next == node->children.begin() ? next : std::prev(next)}) {
      if (child == node->children.end()) continue;
      if (const int64_t n = n_common(wanted, child->first); n > n_partial) n_partial = n, partial = child->second.get();
    }
    if (n_partial < kPageRows) break;
    node = partial;
    pages.push_back(node->pages);
    rest = rest.subspan(std::exchange(n_partial, 0));
  }
  touch(n_partial > 0 ? partial : node);
  const int64_t n_whole = std::ssize(prompt) - 1 - std::ssize(rest);
  found.n_known = n_whole + n_partial;

  int64_t n_ids = found.n_known;
  std::span<const std::byte> slots;
  if (pool_.is_recurrent()) {
    n_ids = n_whole;
    partial = slots_behind(node, rest, &n_ids);
    if (partial == nullptr) return found;
    slots = partial->slots;
  }
  if (n_ids % kPageRows != 0) {
    pages.resize(static_cast<size_t>(n_ids / kPageRows));
    pages.push_back(partial->pages);
  }
  const int64_t n_usable = usable(pages, n_ids);
  if (n_usable < n_ids && pool_.is_recurrent()) return found;
  n_ids = n_usable;
  pages.resize(pool_.pages().have_any() ? static_cast<size_t>(pages_for(n_ids)) : 0);
  found.sequence.state->adopt(pages, slots, n_ids, is_long);
  found.sequence.ids.assign(prompt.begin(), prompt.begin() + n_ids);
  return found;
}

// How many of the first `n` positions `pages` have all of that the next query sees: `n`, or fewer where pages of layers
// with a window had been given back when the others were kept.
int64_t PrefixCache::usable(std::span<const PageSet> pages, int64_t n) const {
  const auto has_recent = [&](int64_t end) {
    const int64_t first = std::max<int64_t>(0, end - pool_.spec().reach()) / kPageRows;
    const auto seen = pages.subspan(static_cast<size_t>(first), static_cast<size_t>(pages_for(end) - first));
    return std::ranges::all_of(seen, [](const PageSet& set) { return bool{set[PageKind::recent]}; });
  };
  if (!pool_.pages().have(PageKind::recent)) return n;
  while (n > 0 && !has_recent(n)) n = (n - 1) / kPageRows * kPageRows;
  return n;
}

// The node at or above `node`, or right below one of these, that holds slots behind the longest beginning of the
// prompt; `rest` is what the prompt goes on with after `node`, and *n_ids how many of its ids lie before that.  Null
// when there is none; *n_ids becomes how many lie before those slots.
PrefixCache::Node* PrefixCache::slots_behind(Node* node, std::span<const int32_t> rest, int64_t* n_ids) const {
  std::vector<int32_t> ids(first_page(rest).begin(), first_page(rest).end());
  while (true) {
    for (; !ids.empty(); ids.pop_back()) {
      const auto child = node->children.find(ids);
      if (child == node->children.end() || child->second->slots.empty()) continue;
      *n_ids += std::ssize(ids);
      return child->second.get();
    }
    if (!node->slots.empty()) return node;
    if (node->parent == nullptr) return nullptr;
    ids = node->ids();
    ids.pop_back();
    *n_ids -= kPageRows;
    node = node->parent;
  }
}

void PrefixCache::add(const Sequence& sequence, const std::string& owner, bool with_rest) {
  if (max_bytes_ == 0 || std::ssize(sequence.ids) < (with_rest ? 1 : kPageRows)) return;
  const bool is_long = sequence.state->has_long_keys();
  if (is_long && pool_.spec().longer.changes_on) return;  // no other prompt's keys are these
  Node* node = &roots_[{owner, is_long}];
  std::span<const int32_t> rest = sequence.ids;
  std::span<const PageSet> pages = sequence.state->pages();
  while (!rest.empty() && (with_rest || std::ssize(rest) >= kPageRows)) {
    const std::span<const int32_t> ids = first_page(rest);
    node = &child_of(*node, ids, pages.first(std::min<size_t>(1, pages.size())));
    rest = rest.subspan(ids.size());
    if (!pages.empty()) pages = pages.subspan(1);
  }
  if (rest.empty() && sequence.state->is_recurrent()) keep_slots(*node, *sequence.state);
  touch(node);
  shrink();
}

// The child with `ids`, made when it is not there; of beginnings of the same page that hold no slots the longest stays.
PrefixCache::Node& PrefixCache::child_of(Node& parent, std::span<const int32_t> ids, std::span<const PageSet> pages) {
  auto next = parent.children.lower_bound(ids);
  const bool is_whole = std::ssize(ids) == kPageRows || pool_.is_recurrent();
  if (next != parent.children.end() && n_common(ids, next->first) == std::ssize(ids) &&
      (!is_whole || next->first.size() == ids.size())) {
    if (next->first.size() == ids.size()) add_pages(*next->second, pages);
    return *next->second;
  }
  Node* const before = next == parent.children.begin() ? nullptr : std::prev(next)->second.get();
  const auto made =
      parent.children.emplace(std::vector<int32_t>(ids.begin(), ids.end()), std::make_unique<Node>()).first;
  Node& node = *made->second;
  node.parent = &parent;
  node.self = made;
  node.n_bytes = static_cast<int64_t>(ids.size_bytes());
  n_bytes_ += node.n_bytes;
  add_pages(node, pages);
  node.use = by_use_.insert(by_use_.begin(), &node);
  if (before != nullptr && before->slots.empty() && before->children.empty() &&
      n_common(before->ids(), ids) == std::ssize(before->ids()))
    forget(*before);
  return node;
}

// Those of the first of `pages` that it lacks.
void PrefixCache::add_pages(Node& node, std::span<const PageSet> pages) {
  if (pages.empty()) return;
  for (const PageKind kind : kPageKinds) {
    if (node.pages[kind] || !pages.front()[kind]) continue;
    node.pages[kind] = pages.front()[kind];
    node.n_bytes += pool_.pages()[kind].page_bytes();
    n_bytes_ += pool_.pages()[kind].page_bytes();
  }
}

void PrefixCache::keep_slots(Node& node, const State& state) {
  if (!node.slots.empty()) return;
  const std::span<const std::byte> slots = state.slots();
  node.slots.assign(slots.begin(), slots.end());
  node.n_bytes += std::ssize(slots);
  n_bytes_ += std::ssize(slots);
}

void PrefixCache::touch(Node* node) {
  for (; node->parent != nullptr; node = node->parent) by_use_.splice(by_use_.begin(), by_use_, node->use);
}

void PrefixCache::shrink() {
  while (n_bytes_ > max_bytes_ && !by_use_.empty()) forget(*by_use_.back());
}

void PrefixCache::clear() {
  while (!by_use_.empty()) forget(*by_use_.back());
}

// A node without children.
void PrefixCache::forget(Node& node) {
  n_bytes_ -= node.n_bytes;
  by_use_.erase(node.use);
  Node& parent = *node.parent;
  parent.children.erase(node.self);
  if (parent.parent == nullptr && parent.children.empty())
    std::erase_if(roots_, [&](const auto& root) { return &root.second == &parent; });
}

}  // namespace tidemill
