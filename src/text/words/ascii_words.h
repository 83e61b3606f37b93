// Words of ASCII on a short way to pieces: where each character is normalized by itself and pieces end where its class
// changes, one table says all of it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/pieces/piece_model.h"

namespace tidemill {

// What a normalizer makes of each character of a text that is all ASCII.
struct AsciiMap {
  static constexpr uint8_t kNothing = 0xFF;
  std::array<uint8_t, 128> becomes;
};

// What a pre-tokenizer does with each character.
enum class CharacterClass : uint8_t {
  run,        // kept together
  other_run,  // likewise, but not with `run`
  single,     // each character is a piece
  dropped,
};
using AsciiClasses = std::array<CharacterClass, 128>;

// Immutable.
class AsciiWords {
 public:
  AsciiWords(const AsciiMap& map, const AsciiClasses& classes);

  // Appends `word` as it is normalized to `text`, and its pieces there to `pieces`.  False, and nothing is appended,
  // for a long word and one with characters that are not ASCII or that are dropped.
  bool append(std::string_view word, std::string& text, std::vector<ByteRange>& pieces) const;

 private:
  static constexpr uint8_t kUnusable = 0xFF;

  std::array<uint8_t, 256> becomes_{};
  std::array<uint8_t, 256> classes_;  // of what it becomes, or kUnusable
};

}  // namespace tidemill
