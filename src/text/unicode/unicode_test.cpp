// Against the references themselves, over all code points: tests/text/test_normalizers.py.
#include "text/unicode/unicode.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace tidemill::unicode {
namespace {

TEST(Unicode, KnowsCategories) {
  EXPECT_EQ(category(U'A'), Category::Lu);
  EXPECT_EQ(category(U'\u01C5'), Category::Lt);
  EXPECT_EQ(category(U'\u0301'), Category::Mn);
  EXPECT_EQ(category(U'\u2168'), Category::Nl);
  EXPECT_EQ(category(U'\u20AC'), Category::Sc);
  EXPECT_EQ(category(0xD800), Category::Cs);
  EXPECT_EQ(category(0x10FFFD), Category::Co);
  EXPECT_EQ(category(0x10FFFF), Category::Cn);
  EXPECT_TRUE(is_letter(U'\u4E00') && is_number(U'\u0663') && is_mark(U'\u0903') && is_symbol(U'+'));
  EXPECT_TRUE(is_punctuation(U'_') && is_separator(U'\u2028') && !is_punctuation(U'+') && !is_letter(U'\u0301'));
}

// U+1C89 came with Unicode 16.0, U+A7CE with 17.0.
TEST(Unicode, AnswersInTheVersionOfEachReference) {
  EXPECT_TRUE(is_letter(0x1C89));
  EXPECT_FALSE(has(0x1C89, Flag::in_unicode_9));
  EXPECT_EQ(to_lowercase(0x1C89).first, char32_t{0x1C8A});
  EXPECT_FALSE(is_letter(0xA7CE));
  EXPECT_EQ(to_lowercase(0xA7CE).first, char32_t{0xA7CF});
  EXPECT_FALSE(is_number(0x11DE0));
  EXPECT_TRUE(has(0x11DE0, Flag::numeric));
}

TEST(Unicode, KnowsWhiteSpaceAndWords) {
  for (const char32_t c : U"\t\n\v\f\r \u0085\u00A0\u1680\u2000\u200A\u2028\u2029\u202F\u205F\u3000") {
    EXPECT_EQ(is_white_space(c), c != 0) << std::hex << static_cast<uint32_t>(c);
  }
  EXPECT_FALSE(is_white_space(0x200B) || is_white_space(0xFEFF) || is_white_space(0x180E));
  EXPECT_TRUE(is_word(U'_') && is_word(U'a') && is_word(0x301) && is_word(U'9') && is_word(0x24B6) && is_word(0x2168));
  EXPECT_FALSE(is_word(U'-') || is_word(0xB2) || is_word(0x200D));
}

TEST(Unicode, LowersCase) {
  EXPECT_EQ(to_lowercase(U'A').first, U'a');
  EXPECT_EQ(to_lowercase(U'a').first, U'a');
  EXPECT_EQ(to_lowercase(0x3A3).first, char32_t{0x3C3});  // a final sigma needs its word
  EXPECT_EQ(to_lowercase(0x101).first, char32_t{0x101});  // between two capitals
  EXPECT_EQ(to_lowercase(0x1E9E).first, char32_t{0xDF});
  EXPECT_EQ(to_lowercase(0x130).first, U'i');
  EXPECT_EQ(to_lowercase(0x130).second, char32_t{0x307});
}

TEST(Unicode, DecomposesAndComposes) {
  EXPECT_EQ(canonical_decomposition(0xE9), U"e\u0301");
  EXPECT_EQ(canonical_decomposition(0x1EC7), U"e\u0323\u0302");
  EXPECT_EQ(canonical_decomposition(0xFB01), U"");
  EXPECT_EQ(compatible_decomposition(0xFB01), U"fi");
  EXPECT_EQ(compatible_decomposition(0xE9), U"e\u0301");
  EXPECT_EQ(compatible_decomposition(0xFDFA).size(), 18u);
  EXPECT_EQ(canonical_decomposition(U'e'), U"");
  EXPECT_EQ(canonical_decomposition(0x2FA1D), U"\U0002A600");  // the last of all
  EXPECT_EQ(compose(U'e', 0x301), char32_t{0xE9});
  EXPECT_EQ(compose(U'e', U'e'), char32_t{0});
  EXPECT_EQ(compose(0x915, 0x93C), char32_t{0});  // excluded from composition
}

TEST(Unicode, ComputesHangul) {
  EXPECT_EQ(decompose_hangul(0xAC00), (std::array<char32_t, 3>{0x1100, 0x1161, 0}));
  EXPECT_EQ(decompose_hangul(0xD7A3), (std::array<char32_t, 3>{0x1112, 0x1175, 0x11C2}));
  for (char32_t c = kHangulFirst; c < kHangulFirst + kHangulSyllables; ++c) {
    const auto [l, v, t] = decompose_hangul(c);
    const char32_t lv = compose(l, v);
    ASSERT_EQ(t == 0 ? lv : compose(lv, t), c);
  }
  EXPECT_EQ(compose(0xAC00, 0x11A7), char32_t{0});
  EXPECT_EQ(compose(0xAC01, 0x11A8), char32_t{0});
}

TEST(Unicode, NamesScripts) {
  const auto name = [](char32_t c) { return script(c) == 0 ? "" : script_names()[script(c) - 1]; };
  EXPECT_EQ(name(U'a'), "Latin");
  EXPECT_EQ(name(U'1'), "Common");
  EXPECT_EQ(name(0x301), "Inherited");
  EXPECT_EQ(name(0x4E00), "Han");
  EXPECT_EQ(name(0x378), "");
  EXPECT_EQ(name(0xE01EF), "Inherited");
}

// The quick checks of normal forms lean on this.
TEST(Unicode, InertCharactersStayThemselves) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    const Properties p = properties(c);
    if (p.has(Flag::nfkd_inert)) {
      ASSERT_TRUE(p.has(Flag::nfd_inert) && compatible_decomposition(c).empty()) << static_cast<uint32_t>(c);
    }
    if (p.has(Flag::nfd_inert)) {
      ASSERT_TRUE(p.combining_class() == 0 && canonical_decomposition(c).empty() && !is_hangul_syllable(c))
          << static_cast<uint32_t>(c);
    }
    if (p.has(Flag::nfkc_inert)) {
      ASSERT_TRUE(p.has(Flag::nfc_inert)) << static_cast<uint32_t>(c);
    }
    if (p.combining_class() != 0) {
      ASSERT_TRUE(is_mark(c) && !p.has(Flag::nfc_inert)) << static_cast<uint32_t>(c);
    }
  }
}

}  // namespace
}  // namespace tidemill::unicode
