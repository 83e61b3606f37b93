#include "text/bpe/bpe_cuts.h"

#include <bit>
#include <cstring>

#include "text/pieces/space_symbol.h"

namespace tidemill {

size_t BpeCuts::near_end(std::string_view text, size_t begin, size_t end) const {
  constexpr size_t kNear = 48;
  if (begin + 1 + kNear + kSpaceSymbol.size() > end) return last_end(text, begin, end);
  const char* bytes = text.data() + begin + 1;
  for (size_t at = 0; at < kNear; at += 8) {
    uint64_t word;
    std::memcpy(&word, bytes + at, 8);
    // The upper bits of the bytes that may begin a space.  A byte above a found one may be found falsely.
    const uint64_t other = word ^ 0xE2E2E2E2E2E2E2E2u;
    for (uint64_t found = (other - 0x0101010101010101u) & ~other & 0x8080808080808080u; found != 0;
         found &= found - 1) {
      const char* space = bytes + at + std::countr_zero(found) / 8;
      if (space[1] != kSpaceSymbol[1] || space[2] != kSpaceSymbol[2]) continue;
      if (!joints_.joins_space(space[-1])) return static_cast<size_t>(space - text.data());
    }
  }
  return 0;
}

size_t BpeCuts::last_end(std::string_view text, size_t begin, size_t end) const {
  const std::string_view head = text.substr(0, end);
  for (size_t at = head.find(kSpaceSymbol, begin + 1); at != head.npos; at = head.find(kSpaceSymbol, at + 1)) {
    if (!joints_.joins_space(head[at - 1])) return at;
  }
  return end;
}

size_t BpeCuts::cut(std::string_view text, size_t begin, size_t end, size_t max_words,
                    std::vector<ByteRange>& words) const {
  for (size_t n = 0; n < max_words && begin < end; ++n) {
    const size_t near = near_end(text, begin, end);
    const size_t word = near > 0 ? near : joints_.next_cut(text, begin, end);
    words.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(word)});
    begin = word;
  }
  return begin;
}

}  // namespace tidemill
