// Normalizers that change, drop or respell single characters, whatever stands around them.
#include "text/normalizers/edit_characters.h"
#include "text/normalizers/normalizers.h"
#include "text/unicode/unicode.h"

namespace tidemill {
namespace {

using unicode::Flag;

class LowercaseNormalizer : public Normalizer {
 public:
  void apply(NormalizedText& text) const override {
    constexpr AsciiSet kCapitals = AsciiSet::of([](char32_t c) { return 'A' <= c && c <= 'Z'; });
    edit_characters(text, kCapitals, [](char32_t c, size_t begin, TextEdit& edit) {
      if (c < 0x80) {
        const char small = static_cast<char>(c + ('a' - 'A'));
        edit.keep_until(begin);
        return edit.replace({&small, 1});
      }
      if (!unicode::has(c, Flag::changes_lowercase)) return;
      const unicode::LowerCase lower = unicode::to_lowercase(c);
      edit.keep_until(begin);
      edit.replace(Utf8Character(lower.first));
      if (lower.second != 0) edit.insert(Utf8Character(lower.second));
    });
  }
  WordBounds word_bounds() const override { return WordBounds::respected; }
};

class StripAccentsNormalizer : public Normalizer {
 public:
  void apply(NormalizedText& text) const override {
    edit_characters(text, AsciiSet(), [](char32_t c, size_t begin, TextEdit& edit) {
      if (!unicode::has(c, Flag::hf_mark)) return;
      edit.keep_until(begin);
      edit.drop(utf8_size(edit.source()[begin]));
    });
  }
  WordBounds word_bounds() const override { return WordBounds::respected; }
};

// sentencepiece's builder.cc drops these for "nmt" ...
constexpr bool nmt_drops(char32_t c) {
  return (0x01 <= c && c <= 0x08) || c == 0x0B || (0x0E <= c && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F;
}
// ... and turns these into spaces.
constexpr bool nmt_makes_space(char32_t c) {
  return c == 0x09 || c == 0x0A || c == 0x0C || c == 0x0D || c == 0x1680 || (0x200B <= c && c <= 0x200F) ||
         c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF || c == 0xFFFD;
}

class NmtNormalizer : public Normalizer {
 public:
  void apply(NormalizedText& text) const override {
    constexpr AsciiSet kAscii = AsciiSet::of([](char32_t c) { return nmt_drops(c) || nmt_makes_space(c); });
    edit_characters(text, kAscii, [](char32_t c, size_t begin, TextEdit& edit) {
      if (nmt_drops(c)) {
        edit.keep_until(begin);
        edit.drop(utf8_size(edit.source()[begin]));
      } else if (nmt_makes_space(c)) {
        edit.keep_until(begin);
        edit.replace(" ");
      }
    });
  }
  WordBounds word_bounds() const override { return WordBounds::respected; }
};

class ByteLevelNormalizer : public Normalizer {
 public:
  void apply(NormalizedText& text) const override {
    constexpr AsciiSet kAscii = AsciiSet::of([](char32_t c) { return c <= ' ' || c == 0x7F; });
    edit_characters(text, kAscii, [](char32_t, size_t begin, TextEdit& edit) {
      edit.keep_until(begin);
      spell_character(edit);
    });
  }
};

}  // namespace

NormalizerPtr make_lowercase() {
  return std::make_unique<LowercaseNormalizer>();
}

NormalizerPtr make_strip_accents() {
  return std::make_unique<StripAccentsNormalizer>();
}

NormalizerPtr make_nmt() {
  return std::make_unique<NmtNormalizer>();
}

NormalizerPtr make_byte_level_normalizer() {
  return std::make_unique<ByteLevelNormalizer>();
}

}  // namespace tidemill
