// What normalizers that look at one character at a time share.
#pragma once

#include <array>
#include <string_view>

#include "text/text_edit.h"
#include "text/unicode/code_points.h"

namespace tidemill {

// The ASCII characters that a normalizer may change; all others it would have to look up.
class AsciiSet {
 public:
  template <typename Predicate>
  static constexpr AsciiSet of(Predicate&& contains) {
    AsciiSet set;
    for (size_t c = 0; c < set.contains_.size(); ++c) set.contains_[c] = contains(static_cast<char32_t>(c));
    return set;
  }
  constexpr bool contains(char c) const { return contains_[static_cast<size_t>(c)]; }

 private:
  std::array<bool, 128> contains_{};
};

// Calls change(c, edit) for every character that is not ASCII or in `ascii`.  The edit stands before the character;
// `change` may replace or drop it, or leave it where it is.
template <typename Change>
void edit_characters(NormalizedText& text, const AsciiSet& ascii, Change&& change) {
  TextEdit edit(text);
  const std::string_view source = edit.source();
  for (size_t pos = 0; pos < source.size();) {
    if (static_cast<uint8_t>(source[pos]) < 0x80 && !ascii.contains(source[pos])) {
      ++pos;
      continue;
    }
    const size_t begin = pos;
    const char32_t c = next_code_point(source, pos);
    change(c, begin, edit);
  }
  edit.finish();
}

}  // namespace tidemill
