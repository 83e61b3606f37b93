#include "text/unicode/code_point_set.h"

#include <algorithm>
#include <utility>

namespace tidemill {

bool CodePointSet::contains(char32_t c) const {
  const auto after =
      std::upper_bound(runs_.begin(), runs_.end(), c, [](char32_t value, const Run& run) { return value < run.first; });
  return after != runs_.begin() && (after - 1)->last >= c;
}

bool CodePointSet::contains_all(const CodePointSet& other) const {
  const auto ends_before = [](const Run& run, char32_t value) { return run.last < value; };
  return std::all_of(other.runs_.begin(), other.runs_.end(), [&](const Run& run) {
    const auto at = std::lower_bound(runs_.begin(), runs_.end(), run.first, ends_before);
    return at != runs_.end() && at->first <= run.first && run.last <= at->last;
  });
}

void CodePointSet::add(const CodePointSet& other) {
  if (other.empty()) return;
  if (empty() || runs_.back().last < other.runs_.front().first) {
    for (const Run& run : other.runs_) append(run.first, run.last);
    return;
  }
  std::vector<Run> all;
  std::merge(runs_.begin(), runs_.end(), other.runs_.begin(), other.runs_.end(), std::back_inserter(all),
             [](const Run& x, const Run& y) { return x.first < y.first; });
  runs_.clear();
  for (const Run& run : all) append(run.first, run.last);
}

CodePointSet CodePointSet::complement() const {
  CodePointSet result;
  char32_t next = 0;
  for (const Run& run : runs_) {
    if (next < run.first) result.append(next, run.first - 1);
    next = run.last + 1;
  }
  if (next <= kLast) result.append(next, kLast);
  return result;
}

CodePointSet CodePointSet::intersection(const CodePointSet& other) const {
  CodePointSet result;
  for (auto mine = runs_.begin(), its = other.runs_.begin(); mine != runs_.end() && its != other.runs_.end();) {
    const char32_t first = std::max(mine->first, its->first);
    const char32_t last = std::min(mine->last, its->last);
    if (first <= last) result.append(first, last);
    if (mine->last < its->last) {
      ++mine;
    } else {
      ++its;
    }
  }
  return result;
}

std::span<const CodePointSet::PropertyRun> CodePointSet::property_runs() {
  static const std::vector<PropertyRun> runs = [] {
    std::vector<PropertyRun> found;
    for (char32_t c = 0; c <= kLast; ++c) {
      const unicode::Properties p = unicode::properties(c);
      if (!found.empty() && found.back().properties.bits == p.bits) {
        found.back().last = c;
      } else {
        found.push_back({c, c, p});
      }
    }
    return found;
  }();
  return runs;
}

void CodePointSet::append(char32_t first, char32_t last) {
  if (!runs_.empty() && first <= runs_.back().last + 1) {
    runs_.back().last = std::max(runs_.back().last, last);
  } else {
    runs_.push_back({first, last});
  }
}

}  // namespace tidemill
