#include "text/special_tokens.h"

#include <algorithm>

namespace tidemill {

SpecialTokens::SpecialTokens(std::vector<Entry> entries) : entries_(std::move(entries)) {
  std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) { return a.spelling < b.spelling; });
  for (uint32_t index = 0; index < entries_.size(); ++index) {
    Range& range = by_first_byte_[static_cast<uint8_t>(entries_[index].spelling[0])];
    if (range.end == 0) range.begin = index;
    range.end = index + 1;
    first_bytes_.add(entries_[index].spelling[0]);
  }
}

std::optional<SpecialTokens::Match> SpecialTokens::find(std::string_view text, size_t from) const {
  if (entries_.empty()) return {};
  for (size_t pos = from; (pos = first_bytes_.find_in(text, pos)) < text.size(); ++pos) {
    if (std::optional<Match> match = match_at(text, pos)) return match;
  }
  return {};
}

// Walks down the trie: after `depth` bytes, [first, last) are the entries that begin with those bytes.
std::optional<SpecialTokens::Match> SpecialTokens::match_at(std::string_view text, size_t pos) const {
  const Range range = by_first_byte_[static_cast<uint8_t>(text[pos])];
  auto first = entries_.begin() + range.begin;
  auto last = entries_.begin() + range.end;
  std::optional<Match> longest;
  for (size_t depth = 1; first != last; ++depth) {
    if (first->spelling.size() == depth) longest = Match{pos, pos + depth, first->id};
    while (first != last && first->spelling.size() == depth) ++first;
    if (pos + depth == text.size()) break;
    const auto byte = static_cast<uint8_t>(text[pos + depth]);
    const auto next_byte = [depth](const Entry& entry) { return static_cast<uint8_t>(entry.spelling[depth]); };
    first = std::partition_point(first, last, [&](const Entry& entry) { return next_byte(entry) < byte; });
    last = std::partition_point(first, last, [&](const Entry& entry) { return next_byte(entry) == byte; });
  }
  return longest;
}

}  // namespace tidemill
