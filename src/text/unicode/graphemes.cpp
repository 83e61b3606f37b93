#include "text/unicode/graphemes.h"

#include <algorithm>
#include <iterator>

#include "text/unicode/code_points.h"
#include "text/unicode/grapheme_tables.h"

namespace tidemill {
namespace {

constexpr char32_t kHangulFirst = 0xAC00;
constexpr char32_t kHangulLast = 0xD7A3;

// True when rules GB6 to GB8 join two characters of Hangul.
bool joins_hangul(char32_t left, char32_t right) {
  enum Letter : uint8_t { none, l, v, t, lv, lvt };
  const auto letter = [](char32_t c) {
    if (kHangulFirst <= c && c <= kHangulLast) return (c - kHangulFirst) % 28 == 0 ? lv : lvt;
    const GraphemeClass found = grapheme_class(c);
    return found == GraphemeClass::hangul_l   ? l
           : found == GraphemeClass::hangul_v ? v
           : found == GraphemeClass::hangul_t ? t
                                              : none;
  };
  const Letter a = letter(left);
  const Letter b = letter(right);
  if (a == l) return b == l || b == v || b == lv || b == lvt;
  if (a == v || a == lv) return b == v || b == t;
  return (a == t || a == lvt) && b == t;
}

// The characters of a cluster, one after the other.
class Cluster {
 public:
  explicit Cluster(char32_t first) { add(first, grapheme_class(first)); }

  // Takes `next` in if it belongs to the cluster.
  bool join(char32_t next) {
    const GraphemeClass found = grapheme_class(next);
    if (!joins(next, found)) return false;
    add(next, found);
    return true;
  }

 private:
  bool joins(char32_t next, GraphemeClass found) const {
    if (last_ == '\r') return next == '\n';
    if (last_class_ == GraphemeClass::control || found == GraphemeClass::control) return false;
    if (found == GraphemeClass::extend || found == GraphemeClass::joiner) return true;
    if (last_class_ == GraphemeClass::prepend) return true;
    if (after_pictograph_ && last_class_ == GraphemeClass::joiner) return found == GraphemeClass::pictographic;
    return joins_hangul(last_, next);
  }

  void add(char32_t c, GraphemeClass found) {
    const bool goes_on = found == GraphemeClass::extend || found == GraphemeClass::joiner;
    after_pictograph_ = found == GraphemeClass::pictographic || (after_pictograph_ && goes_on);
    last_ = c;
    last_class_ = found;
  }

  char32_t last_ = 0;
  GraphemeClass last_class_ = GraphemeClass::other;
  bool after_pictograph_ = false;  // only accents and joiners since
};

}  // namespace

GraphemeClass grapheme_class(char32_t c) {
  constexpr char32_t kIdeographFirst = 0x3400;
  constexpr char32_t kIdeographLast = 0xA66E;
  const bool plain_ascii = 0x20 <= c && c < 0x7F;
  const bool in_gap = (kIdeographFirst <= c && c <= kIdeographLast) || (kHangulFirst <= c && c <= kHangulLast);
  if (plain_ascii || in_gap) return GraphemeClass::other;
  const auto after = std::upper_bound(std::begin(kGraphemeRanges), std::end(kGraphemeRanges), c,
                                      [](char32_t value, const GraphemeRange& range) { return value < range.first; });
  if (after == std::begin(kGraphemeRanges)) return GraphemeClass::other;
  const GraphemeRange& range = *std::prev(after);
  return c <= range.last ? range.value : GraphemeClass::other;
}

std::span<const GraphemeRange> grapheme_ranges() {
  return kGraphemeRanges;
}

size_t grapheme_size(std::string_view text) {
  size_t end = 0;
  Cluster cluster(next_code_point(text, end));
  for (size_t pos = end; pos < text.size() && cluster.join(next_code_point(text, pos));) end = pos;
  return end;
}

}  // namespace tidemill
