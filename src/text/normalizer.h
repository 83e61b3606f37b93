// What is done to a text before it is cut into pieces: Unicode normal forms, lower case, replaced spaces.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "text/normalized_text.h"

namespace tidemill {

// What words lie between.
inline constexpr std::string_view kWordSpaces = " \t\n\r";

// How far what a word becomes may depend on what is around it.
enum class WordBounds : uint8_t {
  crossed,           // there is no saying
  crossed_by_marks,  // marks that a word begins with may matter to a space before it
  respected,         // words may be normalized one by one
};

// A normalizer under which a text becomes what its words, cut at kWordSpaces, become one by one, one after the other.
class WordNormalizer {
 public:
  virtual ~WordNormalizer() = default;
  // Appends what `word` becomes to `out`: nothing, or U+2581 and more.  False, with nothing appended, for a word that
  // does not stand alone.
  virtual bool append_word(std::string_view word, std::string& out) const = 0;
};

struct AsciiMap;

// Immutable; any number of threads may call it.
class Normalizer {
 public:
  virtual ~Normalizer() = default;
  // Leaves `text` untouched, without a copy, where there is nothing to change.
  virtual void apply(NormalizedText& text) const = 0;

  // Unless `crossed`, a text may be cut before any of kWordSpaces and normalized part by part, and each of them becomes
  // one or several of them.
  virtual WordBounds word_bounds() const { return WordBounds::crossed; }
  // Of texts that are all ASCII, where nothing but the character itself decides what it becomes; null where more does.
  virtual const AsciiMap* ascii_map() const { return nullptr; }
  // Null when texts do not fall into such words.
  virtual const WordNormalizer* by_words() const { return nullptr; }
};

}  // namespace tidemill
