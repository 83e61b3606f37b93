// What tokenizers know about characters: categories, lower case, normal forms, scripts.
//
// The references do not agree on a version of Unicode, so each question says which one it answers: 16.0 where nothing
// else is said (the regular expressions of Hugging Face's tokenizers and of tiktoken), "hf_" for what the crates inside
// tokenizers have frozen (8.0 and 9.0).  Tables: scripts/make_unicode.py.
//
// `c` is a code point below 0x110000 everywhere; unassigned ones are Cn and otherwise inert.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tidemill::unicode {

// clang-format off
enum class Category : uint8_t {
  Lu, Ll, Lt, Lm, Lo, Mn, Mc, Me, Nd, Nl, No, Pc, Pd, Ps, Pe, Pi, Pf, Po, Sm, Sc, Sk, So, Zs, Zl, Zp, Cc, Cf, Cs, Co, Cn
};
// clang-format on
inline constexpr size_t kCategories = 30;

enum class Flag : uint32_t {
  white_space,        // White_Space: \s, and Rust's char::is_whitespace
  alphabetic,         // Alphabetic
  lowercase,          // Lowercase, more than Ll
  uppercase,          // Uppercase, more than Lu
  han,                // the script Han
  numeric,            // N in 17.0: Rust's char::is_numeric
  hf_punctuation,     // ASCII symbols and P in 8.0, nearly
  hf_control,         // Cc, Cf, Co in 8.0 without tab and line ends, and U+0000, U+FFFD: what Bert's cleaning drops
  hf_nonspacing,      // Mn in 8.0, nearly: what Bert's accent stripping drops
  hf_mark,            // M in 9.0, nearly: what StripAccents drops
  changes_lowercase,  // to_lowercase gives another text
  nfd_inert,          // stays itself in the normal form whatever stands around it, and separates its neighbours
  nfkd_inert,
  nfc_inert,
  nfkc_inert,
  in_unicode_9,  // assigned in 9.0
};

// All that a table look-up tells.
struct Properties {
  uint32_t bits;

  Category category() const { return static_cast<Category>(bits & 31); }
  uint8_t combining_class() const { return static_cast<uint8_t>(bits >> 5); }  // canonical, in 9.0
  bool has(Flag flag) const { return bits >> (13 + static_cast<uint32_t>(flag)) & 1; }
};

// Two stages, so that equal blocks of 128 characters are held once; a character's kind has few values.
inline constexpr size_t kBlockSize = 128;
inline constexpr size_t kNumberedCharacters = 36352;  // in all different blocks
extern const std::array<uint16_t, 0x110000 / kBlockSize> kBlockOf;
extern const std::array<uint8_t, kNumberedCharacters> kKindOf;
extern const std::array<uint32_t, 256> kKinds;

inline Properties properties(char32_t c) {
  return {kKinds[kKindOf[kBlockOf[c / kBlockSize] * kBlockSize + c % kBlockSize]]};
}

inline Category category(char32_t c) {
  return properties(c).category();
}
inline bool has(char32_t c, Flag flag) {
  return properties(c).has(flag);
}

// True for a category of the inclusive range; the first letter of the names stands for such a range.
inline bool is_between(char32_t c, Category first, Category last) {
  const Category found = category(c);
  return first <= found && found <= last;
}
inline bool is_letter(char32_t c) {
  return is_between(c, Category::Lu, Category::Lo);
}
inline bool is_mark(char32_t c) {
  return is_between(c, Category::Mn, Category::Me);
}
inline bool is_number(char32_t c) {
  return is_between(c, Category::Nd, Category::No);
}
inline bool is_punctuation(char32_t c) {
  return is_between(c, Category::Pc, Category::Po);
}
inline bool is_symbol(char32_t c) {
  return is_between(c, Category::Sm, Category::So);
}
inline bool is_separator(char32_t c) {
  return is_between(c, Category::Zs, Category::Zp);
}
inline bool is_white_space(char32_t c) {
  return has(c, Flag::white_space);
}
// \w as Unicode's UTS 18 has it, without the joiners U+200C and U+200D, which Rust's regex adds.
inline bool is_word(char32_t c) {
  const Properties p = properties(c);
  const Category found = p.category();
  return p.has(Flag::alphabetic) || (Category::Mn <= found && found <= Category::Nd) || found == Category::Pc;
}
// The ranges that Bert's normalizer surrounds by spaces.
bool is_bert_chinese(char32_t c);

// Lower case of one character as Rust's char::to_lowercase gives it, in 17.0: `second` is 0 but for U+0130.
struct LowerCase {
  char32_t first, second;
};
LowerCase to_lowercase(char32_t c);

// Full decompositions in 9.0; empty for characters that stay themselves and for Hangul syllables.
std::u32string_view canonical_decomposition(char32_t c);
std::u32string_view compatible_decomposition(char32_t c);
// The primary composite of two characters, Hangul included; 0 when there is none.
char32_t compose(char32_t first, char32_t second);

inline constexpr char32_t kHangulFirst = 0xAC00;
inline constexpr char32_t kHangulSyllables = 11172;
inline bool is_hangul_syllable(char32_t c) {
  return c - kHangulFirst < kHangulSyllables;
}
// Two or three letters; the third is 0 when there are two.
std::array<char32_t, 3> decompose_hangul(char32_t c);

struct ScriptRun {
  char32_t first, last;
  uint8_t script;
};
// All that are assigned, ascending.
std::span<const ScriptRun> script_runs();
// The script of a character, a number from 1; 0 for the unassigned.
uint8_t script(char32_t c);
// As Unicode spells it ("Han", "Old_Italic"), by number - 1.
std::span<const std::string_view> script_names();

// The shapes of generated tables.
struct CaseRun {
  char32_t first, last;
  uint32_t step;
  int32_t delta;
};
struct Composition {
  char32_t first, second, composite;
};

}  // namespace tidemill::unicode
