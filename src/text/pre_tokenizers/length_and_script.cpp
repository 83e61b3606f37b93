// FixedLength and UnicodeScripts.
#include "text/pre_tokenizers/cutting.h"
#include "text/unicode/code_points.h"
#include "text/unicode/unicode.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

class FixedLengthCutter : public CuttingPreTokenizer {
 public:
  explicit FixedLengthCutter(size_t length) : length_(length) {}

  size_t split(std::string_view text, size_t from, size_t max_pieces, std::vector<ByteRange>& pieces) const override {
    size_t pos = from;
    for (size_t n = 0; n < max_pieces && pos < text.size(); ++n) {
      const size_t begin = pos;
      for (size_t k = 0; k < length_ && pos < text.size(); ++k) pos += utf8_size(text[pos]);
      pieces.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(pos)});
    }
    return pos;
  }

 private:
  size_t length_;  // in characters
};

uint8_t script_number(std::string_view name) {
  const auto names = unicode::script_names();
  for (size_t k = 0; k < names.size(); ++k) {
    if (names[k] == name) return static_cast<uint8_t>(k + 1);
  }
  return 0;
}

// The scripts of sentencepiece, which the reference took over, are those of Unicode 9.0 with some of their time.
class ScriptCutter : public CuttingPreTokenizer {
 public:
  size_t split(std::string_view text, size_t from, size_t max_pieces, std::vector<ByteRange>& pieces) const override {
    size_t begin = from;
    size_t pos = from;
    uint8_t current = kAny;  // at the start of a piece it has none, and what has none before the first one is dropped
    for (size_t n = 0; pos < text.size();) {
      const size_t at = pos;
      const uint8_t found = script_of(next_code_point(text, pos));
      if (found == kAny || found == current) continue;
      if (current != kAny) {
        pieces.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(at)});
        if (++n == max_pieces) return at;
      }
      begin = at;
      current = found;
    }
    if (current != kAny) pieces.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(pos)});
    return pos;
  }

 private:
  static constexpr uint8_t kAny = 0;  // goes with any script: the space, the unassigned

  uint8_t script_of(char32_t c) const {
    if (c == ' ' || !unicode::has(c, unicode::Flag::in_unicode_9)) return kAny;
    const bool private_use = unicode::category(c) == unicode::Category::Co;
    if (private_use) return kAny;
    if (c == 0x589 || c == 0x61C) return common_;
    if (c == 0x953 || c == 0x954) return devanagari_;
    const uint8_t script = unicode::script(c);
    return c == 0x30FC || script == hiragana_ || script == katakana_ ? han_ : script;
  }

  const uint8_t common_ = script_number("Common"), devanagari_ = script_number("Devanagari"),
                han_ = script_number("Han"), hiragana_ = script_number("Hiragana"),
                katakana_ = script_number("Katakana");
};

}  // namespace

PreTokenizerPtr make_fixed_length(size_t length, const std::string& where) {
  if (length == 0) throw Error(ErrorCode::bad_file, where + ": is 0; pieces need at least one character");
  return std::make_unique<FixedLengthCutter>(length);
}

PreTokenizerPtr make_unicode_scripts() {
  return std::make_unique<ScriptCutter>();
}

}  // namespace tidemill
