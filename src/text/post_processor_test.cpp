#include "text/post_processor.h"

#include <gtest/gtest.h>

#include "text/encoding.h"

namespace tidemill {
namespace {

using Ids = std::vector<int32_t>;

// Tokens with their spans in `text`; ids are their numbers.
struct Sample {
  std::string_view text;
  std::vector<std::string> tokens;
  std::vector<TokenSpan> spans;
};

Encoding encoding_of(const Sample& sample, int32_t sequence = 0) {
  Encoding encoding;
  for (size_t k = 0; k < sample.tokens.size(); ++k) {
    append(encoding,
           {.id = static_cast<int32_t>(k), .span = sample.spans[k], .sequence_id = sequence, .special = false});
  }
  return encoding;
}

Encoding processed(const PostProcessor& processor, const Sample& sample) {
  const EncodingSource source{.texts = {sample.text, sample.text},
                              .spelling = [&](const Encoding& encoding, size_t token) -> std::string_view {
                                return sample.tokens[static_cast<size_t>(encoding.ids[token])];
                              }};
  return post_process(&processor, {encoding_of(sample)}, true, source);
}

Encoding joined(const PostProcessor* processor, std::vector<Encoding> encodings, bool add_special_tokens = true) {
  const EncodingSource source{.texts = {}, .spelling = [](const Encoding&, size_t) { return std::string_view("a"); }};
  return post_process(processor, std::move(encodings), add_special_tokens, source);
}

const Sample kOne{"a", {"a"}, {{0, 1}}};

TEST(PostProcessor, BertPutsTokensAround) {
  const auto bert = make_bert_processing(101, 102);
  EXPECT_EQ(joined(bert.get(), {encoding_of(kOne)}).ids, (Ids{101, 0, 102}));
  const Encoding pair = joined(bert.get(), {encoding_of(kOne), encoding_of(kOne, 1)});
  EXPECT_EQ(pair.ids, (Ids{101, 0, 102, 0, 102}));
  EXPECT_EQ(pair.type_ids, (Ids{0, 0, 0, 1, 1}));
  EXPECT_EQ(pair.sequence_ids, (Ids{-1, 0, -1, 1, -1}));
  EXPECT_EQ(joined(bert.get(), {encoding_of(kOne)}, false).ids, Ids{0});
  EXPECT_EQ(bert->n_added(false), 2u);
  EXPECT_EQ(bert->n_added(true), 3u);
}

TEST(PostProcessor, RobertaHasOneType) {
  const auto roberta = make_roberta_processing(7, 8, {.enabled = false});
  const Encoding pair = joined(roberta.get(), {encoding_of(kOne), encoding_of(kOne, 1)});
  EXPECT_EQ(pair.ids, (Ids{7, 0, 8, 8, 0, 8}));
  EXPECT_EQ(pair.type_ids, (Ids{0, 0, 0, 0, 0, 0}));
}

TEST(PostProcessor, TemplatesSayWhatGoesWhere) {
  const auto processor =
      make_template_processing({{.sequence = 0, .ids = {}}, {.ids = {5, 6}, .type_id = 2}},
                               {{.sequence = 1, .ids = {}, .type_id = 3}, {.sequence = 0, .ids = {}}});
  EXPECT_EQ(joined(processor.get(), {encoding_of(kOne)}).ids, (Ids{0, 5, 6}));
  EXPECT_EQ(joined(processor.get(), {encoding_of(kOne)}).type_ids, (Ids{0, 2, 2}));
  const Encoding pair = joined(processor.get(), {encoding_of(kOne), encoding_of(kOne, 1)});
  EXPECT_EQ(pair.sequence_ids, (Ids{1, 0}));
  EXPECT_EQ(pair.type_ids, (Ids{3, 0}));
}

TEST(PostProcessor, WithoutOneAPairIsJoined) {
  EXPECT_EQ(joined(nullptr, {encoding_of(kOne), encoding_of(kOne, 1)}).sequence_ids, (Ids{0, 1}));
}

TEST(PostProcessor, SpansLoseTheSpacesOfTokens) {
  const auto trim = make_byte_level_processing({.add_prefix_space = true});
  const Sample sample{
      "a  b \u3000x", {"\u0120a", "\u0120", "\u0120b", "\u0120\u3000x"}, {{0, 1}, {1, 2}, {2, 4}, {4, 9}}};
  EXPECT_EQ(processed(*trim, sample).spans, (std::vector<TokenSpan>{{0, 1}, {2, 2}, {3, 4}, {8, 9}}));
  const auto strict = make_byte_level_processing({.add_prefix_space = false});
  EXPECT_EQ(processed(*strict, {" a", {"\u0120a"}, {{0, 2}}}).spans, (std::vector<TokenSpan>{{1, 2}}));
  const auto off = make_byte_level_processing({.enabled = false});
  EXPECT_EQ(processed(*off, sample).spans, sample.spans);
}

}  // namespace
}  // namespace tidemill
