// What a reader sees as one character: grapheme clusters.
//
//   Unicode Standard Annex 29, "Unicode Text Segmentation", in the version 16.0 that Hugging Face's tokenizers use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tidemill {

enum class GraphemeClass : uint8_t {
  other,
  control,       // never joined to anything
  extend,        // belongs to the character before it: accents, vowel signs
  joiner,        // U+200D: so does this, and it joins pictographs
  prepend,       // belongs to the character after it
  pictographic,  // emoji and the like
  hangul_l,      // initial letters,
  hangul_v,      // vowels
  hangul_t,      // and final letters of syllables
};

struct GraphemeRange {
  char32_t first, last;
  GraphemeClass value;
};

GraphemeClass grapheme_class(char32_t c);
// All characters that are not `other`, ascending.
std::span<const GraphemeRange> grapheme_ranges();

// Bytes of the grapheme cluster that `text`, valid UTF-8 and not empty, begins with.  Flags and conjuncts of Indic
// scripts, which take two rules of their own and are always six bytes or longer, are cut into their characters.
size_t grapheme_size(std::string_view text);

}  // namespace tidemill
