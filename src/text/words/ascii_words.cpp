#include "text/words/ascii_words.h"

#include <bit>

namespace tidemill {

AsciiWords::AsciiWords(const AsciiMap& map, const AsciiClasses& classes) {
  classes_.fill(kUnusable);
  for (size_t c = 0; c < map.becomes.size(); ++c) {
    const uint8_t becomes = map.becomes[c];
    if (becomes == AsciiMap::kNothing || classes[becomes] == CharacterClass::dropped) continue;
    becomes_[c] = becomes;
    classes_[c] = static_cast<uint8_t>(classes[becomes]);
  }
}

bool AsciiWords::append(std::string_view word, std::string& text, std::vector<ByteRange>& pieces) const {
  constexpr size_t kLongest = 64;  // a bit for each byte
  constexpr auto kSingle = static_cast<uint8_t>(CharacterClass::single);
  if (word.empty() || word.size() > kLongest) return false;
  std::array<char, kLongest> normalized;
  uint64_t starts = 0;
  uint8_t before = kSingle, any = 0;
  for (size_t k = 0; k < word.size(); ++k) {
    const auto byte = static_cast<uint8_t>(word[k]);
    const uint8_t found = classes_[byte];
    normalized[k] = static_cast<char>(becomes_[byte]);
    starts |= uint64_t{found != before || found == kSingle} << k;
    any |= found;
    before = found;
  }
  if (any == kUnusable) return false;
  const auto at = static_cast<uint32_t>(text.size());
  text.append(normalized.data(), word.size());
  // The first character begins a piece; each next begin is an end.
  uint32_t begin = at;
  for (starts &= ~uint64_t{1}; starts != 0; starts &= starts - 1) {
    const uint32_t end = at + static_cast<uint32_t>(std::countr_zero(starts));
    pieces.push_back({begin, end});
    begin = end;
  }
  pieces.push_back({begin, static_cast<uint32_t>(text.size())});
  return true;
}

}  // namespace tidemill
