// The cuts are Ken Thompson's and Russ Cox's: a range is cut where the length of its characters changes and where a
// continuation byte would not run from one end to the other.
#include "grammar/utf8_ranges.h"

namespace tidemill::grammar {
namespace {

size_t encode(char32_t c, std::array<uint8_t, 4>& bytes) {
  if (c < 0x80) {
    bytes[0] = static_cast<uint8_t>(c);
    return 1;
  }
  const size_t size = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  for (size_t k = size; --k > 0; c >>= 6) bytes[k] = static_cast<uint8_t>(0x80 | (c & 0x3F));
  constexpr uint8_t kLeads[] = {0, 0, 0xC0, 0xE0, 0xF0};
  bytes[0] = static_cast<uint8_t>(kLeads[size] | c);
  return size;
}

void add(char32_t first, char32_t last, std::vector<ByteRanges>& found) {
  for (const char32_t border : {0x7F, 0x7FF, 0xD7FF, 0xDFFF, 0xFFFF})
    if (first <= border && border < last) {
      add(first, border, found);
      return add(border + 1, last, found);
    }
  if (first >= 0xD800 && last <= 0xDFFF) return;
  for (char32_t mask = 0x3F; last >= 0x80 && mask <= 0x3FFFF; mask = mask << 6 | 0x3F) {
    if ((first & ~mask) == (last & ~mask)) continue;
    if ((first & mask) != 0) {
      add(first, first | mask, found);
      return add((first | mask) + 1, last, found);
    }
    if ((last & mask) != mask) {
      add(first, (last & ~mask) - 1, found);
      return add(last & ~mask, last, found);
    }
  }
  std::array<uint8_t, 4> low = {}, high = {};
  ByteRanges ranges;
  ranges.size = encode(first, low);
  encode(last, high);
  for (size_t k = 0; k < ranges.size; ++k) ranges.ranges[k] = {low[k], high[k]};
  found.push_back(ranges);
}

}  // namespace

std::vector<ByteRanges> utf8_ranges(const CodePointSet& set) {
  std::vector<ByteRanges> found;
  for (const CodePointSet::Run& run : set.runs()) add(run.first, run.last, found);
  return found;
}

}  // namespace tidemill::grammar
