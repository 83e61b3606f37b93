// Against the reference, over all characters and with offsets: tests/text/test_pre_tokenizers.py.
#include "text/pre_tokenizers/pre_tokenizers.h"

#include <gtest/gtest.h>

#include <utility>

#include "text/split/split_patterns.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

// The pieces, each after a '|'.
std::string pieces(const PreTokenizerPtr& pre_tokenizer, std::string_view source) {
  NormalizedText text(source, NormalizedText::Track::no);
  std::vector<ByteRange> ranges;
  if (!source.empty()) ranges.push_back({0, static_cast<uint32_t>(source.size())});
  pre_tokenizer->apply(text, ranges);
  std::string found;
  for (const ByteRange range : ranges)
    found.append("|").append(text.text().substr(range.begin, range.end - range.begin));
  return found;
}

// Their places in the source, as "0-2 3-4".
std::string origins(const PreTokenizerPtr& pre_tokenizer, std::string_view source) {
  NormalizedText text(source, NormalizedText::Track::origins);
  std::vector<ByteRange> ranges{{0, static_cast<uint32_t>(source.size())}};
  pre_tokenizer->apply(text, ranges);
  std::string found;
  for (const ByteRange range : ranges) {
    const TokenSpan span = text.origin(range);
    found += (found.empty() ? "" : " ") + std::to_string(span.begin) + "-" + std::to_string(span.end);
  }
  return found;
}

template <typename... Parts>
PreTokenizerPtr sequence(Parts... parts) {
  std::vector<PreTokenizerPtr> list;
  (list.push_back(std::move(parts)), ...);
  return make_pre_tokenizer_sequence(std::move(list));
}

TEST(PreTokenizers, CutByClassesOfCharacters) {
  const std::string text = "Don't  \u00C9l\u00E9ve\u3000x_1, ok!?";
  EXPECT_EQ(pieces(make_whitespace(), text), "|Don|'|t|\u00C9l\u00E9ve|x_1|,|ok|!?");
  EXPECT_EQ(pieces(make_whitespace_split(), text), "|Don't|\u00C9l\u00E9ve|x_1,|ok!?");
  EXPECT_EQ(pieces(make_bert_pre_tokenizer(), text), "|Don|'|t|\u00C9l\u00E9ve|x|_|1|,|ok|!|?");
  EXPECT_EQ(pieces(make_char_delimiter_split(U'\u00E9'), text), "|Don't  \u00C9l|ve\u3000x_1, ok!?");
  EXPECT_EQ(pieces(make_digits(DigitRuns::whole), "a12\u00BDb"), "|a|12\u00BD|b");
  EXPECT_EQ(pieces(make_digits(DigitRuns::single_digits), "a12\u00BDb"), "|a|1|2|\u00BD|b");
  for (const auto make : {make_whitespace, make_whitespace_split, make_bert_pre_tokenizer}) {
    EXPECT_EQ(pieces(make(), ""), "");
    EXPECT_EQ(pieces(make(), " \n"), "");
  }
}

TEST(PreTokenizers, KnowWhatBecomesOfDelimiters) {
  const auto of = [](SplitBehavior behavior) { return pieces(make_punctuation(behavior), "-a--b-"); };
  EXPECT_EQ(of(SplitBehavior::removed), "|a|b");
  EXPECT_EQ(of(SplitBehavior::isolated), "|-|a|-|-|b|-");
  EXPECT_EQ(of(SplitBehavior::merged_with_previous), "|-|a-|-|b-");
  EXPECT_EQ(of(SplitBehavior::merged_with_next), "|-a|-|-b|-");
  EXPECT_EQ(of(SplitBehavior::contiguous), "|-|a|--|b|-");
}

TEST(PreTokenizers, CutScriptsAndLengths) {
  EXPECT_EQ(pieces(make_unicode_scripts(), "ab \u3042\u30A2\u4E00 \u0431"), "|ab |\u3042\u30A2\u4E00 |\u0431");
  EXPECT_EQ(pieces(make_unicode_scripts(), " a"), "|a");
  EXPECT_EQ(pieces(make_unicode_scripts(), "  "), "");
  EXPECT_EQ(pieces(make_fixed_length(2, ""), "a\u00E9b\u4E00c"), "|a\u00E9|b\u4E00|c");
  EXPECT_THROW(make_fixed_length(0, "field"), Error);
}

TEST(PreTokenizers, MakeSpacesVisible) {
  EXPECT_EQ(pieces(make_metaspace({}), "a  b"), "|\u2581a|\u2581|\u2581b");
  EXPECT_EQ(pieces(make_metaspace({}), " a"), "|\u2581a");
  EXPECT_EQ(pieces(make_metaspace({.prepend = PrependScheme::never}), "a b"), "|a|\u2581b");
  EXPECT_EQ(pieces(make_metaspace({.replacement = '_', .split = false}), "a b"), "|_a_b");
  EXPECT_EQ(origins(make_metaspace({}), "a  b"), "0-1 1-2 2-4");
  const PreTokenizerPtr first = sequence(make_whitespace_split(), make_metaspace({.prepend = PrependScheme::first}));
  EXPECT_EQ(pieces(first, "a b"), "|\u2581a|b");
  EXPECT_EQ(pieces(first, " a b"), "|a|b");
  EXPECT_TRUE(first->needs_origins());
}

TEST(PreTokenizers, SpellBytes) {
  EXPECT_EQ(pieces(make_byte_level({}), "a \u00E9"), "|\u0120a|\u0120\u00C3\u00A9");
  EXPECT_EQ(origins(make_byte_level({}), "a \u00E9"), "0-1 1-4");
  EXPECT_EQ(pieces(make_byte_level({.add_prefix_space = false, .spell_bytes = false}), "a \u00E9"), "|a| \u00E9");
  EXPECT_EQ(pieces(make_byte_level({.use_regex = false}), "a b"), "|\u0120a\u0120b");
  EXPECT_EQ(make_byte_level({.add_prefix_space = false, .use_regex = false, .spell_bytes = false}), nullptr);
}

TEST(PreTokenizers, CutOneAfterTheOther) {
  const PreTokenizerPtr cuts = sequence(make_digits(DigitRuns::whole), nullptr, make_fixed_length(2, ""));
  EXPECT_EQ(pieces(cuts, "abc123"), "|ab|c|12|3");
  ASSERT_NE(cuts->as_splitter(), nullptr);
  const std::string text = "abc123d";
  std::vector<ByteRange> found;
  size_t pos = cuts->as_splitter()->split(text, 0, 1, found);
  EXPECT_EQ(pos, 3u);
  EXPECT_EQ(found.size(), 2u);
  pos = cuts->as_splitter()->split(text, pos, 100, found);
  EXPECT_EQ(pos, text.size());
  EXPECT_EQ(found.size(), 5u);
  EXPECT_EQ(sequence(nullptr, nullptr), nullptr);
  EXPECT_EQ(sequence(make_whitespace(), make_metaspace({}))->as_splitter(), nullptr);
}

TEST(PreTokenizers, KnownPatternsNeedNoRegularExpression) {
  // What every published file spells; the last one is cl100k's as text/readers/tiktoken.cpp gives it.
  for (
      const char* pattern :
      {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
       R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++\z|\s*[\r\n]|\s+(?!\S)|\s)"}) {
    const Splitter* const known = find_split_pattern(pattern);
    ASSERT_NE(known, nullptr) << pattern;
    EXPECT_EQ(make_split_regex(pattern, {.behavior = SplitBehavior::isolated}, "test")->as_splitter(), known);
  }
}

}  // namespace
}  // namespace tidemill
