// Against the reference, over all characters and with offsets: tests/text/test_normalizers.py.
#include "text/normalizers/normalizers.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>

namespace tidemill {
namespace {

std::string applied(const NormalizerPtr& normalizer, std::string_view source) {
  NormalizedText text(source, NormalizedText::Track::no);
  normalizer->apply(text);
  return std::string(text.text());
}

// The origin of every byte of what the normalizer makes of `source`, as "0-2 0-2 2-3".
std::string origins(const NormalizerPtr& normalizer, std::string_view source, size_t at = 0) {
  NormalizedText text(source, NormalizedText::Track::origins, at);
  normalizer->apply(text);
  std::string found;
  for (uint32_t pos = 0; pos < text.text().size(); ++pos) {
    const TokenSpan span = text.origin({pos, pos + 1});
    found += (pos == 0 ? "" : " ") + std::to_string(span.begin) + "-" + std::to_string(span.end);
  }
  return found;
}

TEST(Normalizers, BringTextsIntoNormalForms) {
  const std::string text = "\u00C5 A\u030A \u212B \uFB01 \uAC01 a\u0323\u0302 a\u0302\u0323";
  EXPECT_EQ(applied(make_normal_form(NormalForm::nfc), text), "\u00C5 \u00C5 \u00C5 \uFB01 \uAC01 \u1EAD \u1EAD");
  EXPECT_EQ(applied(make_normal_form(NormalForm::nfkc), text), "\u00C5 \u00C5 \u00C5 fi \uAC01 \u1EAD \u1EAD");
  EXPECT_EQ(applied(make_normal_form(NormalForm::nfd), text),
            "A\u030A A\u030A A\u030A \uFB01 \u1100\u1161\u11A8 a\u0323\u0302 a\u0323\u0302");
  EXPECT_EQ(applied(make_normal_form(NormalForm::nfkd), "\u2460\u00BD"), "11\u20442");
}

TEST(Normalizers, KnowWhereNormalFormsComeFrom) {
  EXPECT_EQ(origins(make_normal_form(NormalForm::nfd), "\u00E9x"), "0-2 0-2 0-2 2-3");
  EXPECT_EQ(origins(make_normal_form(NormalForm::nfc), "e\u0301x"), "0-1 0-1 3-4");
  EXPECT_EQ(origins(make_normal_form(NormalForm::nfkc), "\uFB01", 10), "10-13 10-13");
}

TEST(Normalizers, LeaveAloneWhatTheyWouldNotChange) {
  const std::string text = "r\u00E9sum\u00E9 \u0442\u0435\u043A\u0441\u0442 \u6587 e\u0323x";
  NormalizerPtr none[] = {make_normal_form(NormalForm::nfc), make_lowercase(), make_strip({}),
                          make_replace_string("y", "z"),     make_nmt(),       make_prepend("")};
  NormalizedText composed("r\u00E9sum\u00E9 \u0442\u0435\u043A\u0441\u0442 \u6587 \u1EB9x", NormalizedText::Track::no);
  for (const NormalizerPtr& normalizer : none) {
    const char* const before = composed.text().data();
    normalizer->apply(composed);
    EXPECT_EQ(composed.text().data(), before);
  }
  EXPECT_NE(applied(none[0], text), text);
}

TEST(Normalizers, SortLongRunsOfMarks) {
  std::string text = "a";
  std::string sorted = "a";
  constexpr int kMarks = 100000;
  for (int k = 0; k < kMarks; ++k) text += "\u0301\u0323";
  for (int k = 0; k < kMarks; ++k) sorted += "\u0323";
  for (int k = 0; k < kMarks; ++k) sorted += "\u0301";
  EXPECT_EQ(applied(make_normal_form(NormalForm::nfd), text), sorted);
}

TEST(Normalizers, Strip) {
  EXPECT_EQ(applied(make_strip({}), " \u3000a b\n "), "a b");
  EXPECT_EQ(applied(make_strip({.right = false}), " a "), "a ");
  EXPECT_EQ(applied(make_strip({.left = false}), " a "), " a");
  EXPECT_EQ(applied(make_strip({}), " \n"), "");
  EXPECT_EQ(origins(make_strip({}), "  ab ", 5), "7-8 8-9");
}

TEST(Normalizers, Replace) {
  EXPECT_EQ(applied(make_replace_string("aa", "b"), "aaaaa"), "bba");
  EXPECT_EQ(applied(make_replace_string("", "-"), "\u00E9b"), "-\u00E9-b-");
  EXPECT_EQ(applied(make_replace_string("", "-"), ""), "");
  // What is put in belongs to the last character that was there.
  EXPECT_EQ(origins(make_replace_string("ab", "xyz"), "cabd"), "0-1 2-3 2-3 2-3 3-4");
}

TEST(Normalizers, Prepend) {
  EXPECT_EQ(applied(make_prepend("\u2581"), "a"), "\u2581a");
  EXPECT_EQ(applied(make_prepend("\u2581"), ""), "");
  EXPECT_EQ(origins(make_prepend("x"), "\u00E9b"), "0-2 0-2 0-2 2-3");
}

TEST(Normalizers, CleanAsBertDoes) {
  const NormalizerPtr uncased = make_bert_normalizer({});
  EXPECT_EQ(applied(uncased, "H\u00C9\u200B\x01 \u00A0y\t\u4E2Da\uFFFD"), "he  y  \u4E2D a");
  const NormalizerPtr cased = make_bert_normalizer({.strip_accents = {}, .lowercase = false});
  EXPECT_EQ(applied(cased, "H\u00C9\n"), "H\u00C9 ");
}

TEST(Normalizers, SpellBytes) {
  EXPECT_EQ(applied(make_byte_level_normalizer(), "a \u00E9\n"), "a\u0120\u00C3\u00A9\u010A");
  EXPECT_EQ(origins(make_byte_level_normalizer(), "a\u00E9"), "0-1 1-3 1-3 1-3 1-3");
}

TEST(Normalizers, RunInSequence) {
  std::vector<NormalizerPtr> parts;
  parts.push_back(make_prepend("\u2581"));
  parts.push_back(make_replace_string(" ", "\u2581"));
  EXPECT_EQ(applied(make_normalizer_sequence(std::move(parts)), "a b"), "\u2581a\u2581b");
  EXPECT_EQ(applied(make_normalizer_sequence({}), "a b"), "a b");
}

// A byte is replaced eight at a time where nobody asks for origins.
TEST(Normalizers, ReplaceBytesAsTheyReplaceStrings) {
  std::mt19937 rng(4);
  for (const std::string content : {"", "x", "\u2581", "abcd", "abcde"}) {
    const NormalizerPtr replace = make_replace_string(" ", content);
    for (int round = 0; round < 200; ++round) {
      std::string text;
      std::string expected;
      for (size_t k = rng() % 40; k > 0; --k) {
        const uint32_t kind = rng() % 4;
        const std::string added = kind == 0   ? " "
                                  : kind == 1 ? "\u00A0"
                                              : std::string(1, static_cast<char>(1 + rng() % 127));
        text += added;
        expected += added == " " ? content : added;
      }
      ASSERT_EQ(applied(replace, text), expected);
    }
  }
}

}  // namespace
}  // namespace tidemill
