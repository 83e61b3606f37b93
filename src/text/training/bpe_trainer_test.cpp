// Expected values are those of Hugging Face's tokenizers 0.23.3; tests/text/test_training.py compares much more.
#include "text/training/bpe_trainer.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace tidemill {
namespace {

WordCounts counts_of(const std::vector<std::pair<std::string, int64_t>>& words) {
  WordCounts counts;
  for (const auto& [word, count] : words) counts.add(word, count);
  return counts;
}

std::string merges_of(const TrainedBpe& model) {
  std::string text;
  for (const auto& [left, right] : model.merges) text += model.tokens[left] + "+" + model.tokens[right] + " ";
  return text;
}

std::string joined(const std::vector<std::string>& tokens) {
  std::string text;
  for (const std::string& token : tokens) text += token + " ";
  return text;
}

// The example of the reference's own test.
const std::vector<std::pair<std::string, int64_t>> kRoses = {{"roses", 1}, {"are", 2},  {"red", 1},  {"voilets", 1},
                                                             {"blue", 1},  {"BERT", 1}, {"is", 2},   {"big", 1},
                                                             {"and", 1},   {"so", 1},   {"GPT-2", 1}};

TEST(BpeTrainer, MergesTheMostFrequentPairThenTheSmallest) {
  const TrainedBpe model =
      train_bpe(counts_of(kRoses), {.symbols = SymbolKind::characters, .vocab_size = 30, .min_frequency = 2});
  EXPECT_EQ(joined(model.tokens), "- 2 B E G P R T a b d e g i l n o r s t u v re are is ");
  EXPECT_EQ(merges_of(model), "r+e a+re i+s ");
}

TEST(BpeTrainer, OverlappingPairsAreMergedFromTheLeft) {
  const TrainedBpe model = train_bpe(counts_of({{"aaaaa", 3}, {"aa", 1}}), {.vocab_size = 100});
  EXPECT_EQ(merges_of(model), "a+a aa+a aa+aaa ");
}

TEST(BpeTrainer, BytesAreSpelledInTheByteAlphabet) {
  const TrainedBpe model = train_bpe(counts_of({{" \xC3\xA9", 2}}), {.vocab_size = 100});
  EXPECT_EQ(joined(model.tokens), "© Ã Ġ Ã© ĠÃ© ");
}

TEST(BpeTrainer, SpecialTokensComeFirstAndOnce) {
  const TrainedBpe model =
      train_bpe(counts_of({{"ab", 2}}), {.vocab_size = 100, .special_tokens = {"<s>", "b", "<s>", "ab"}});
  EXPECT_EQ(joined(model.tokens), "<s> b ab a ");
  EXPECT_EQ(merges_of(model), "a+b ");
}

TEST(BpeTrainer, AContinuingPrefixStandsBeforeAllButTheFirstSymbol) {
  const TrainedBpe model = train_bpe(counts_of({{"abab", 2}}),
                                     {.symbols = SymbolKind::characters, .vocab_size = 100, .continuing_prefix = "##"});
  EXPECT_EQ(joined(model.tokens), "a b ##b ##a ab ##ab abab ");
}

TEST(BpeTrainer, TheOrderOfTheWordsChangesNothing) {
  std::vector<std::pair<std::string, int64_t>> backwards(kRoses.rbegin(), kRoses.rend());
  const BpeTrainingOptions options{.symbols = SymbolKind::characters, .vocab_size = 60, .continuing_prefix = "##"};
  const TrainedBpe one = train_bpe(counts_of(kRoses), options);
  const TrainedBpe two = train_bpe(counts_of(backwards), options);
  EXPECT_EQ(one.tokens, two.tokens);
  EXPECT_EQ(one.merges, two.merges);
}

TEST(BpeTrainer, TheAlphabetKeepsTheMostFrequentCharacters) {
  const TrainedBpe model = train_bpe(counts_of({{"aabc", 1}, {"cb", 1}, {"d", 1}}),
                                     {.symbols = SymbolKind::characters, .vocab_size = 4, .limit_alphabet = 2});
  EXPECT_EQ(joined(model.tokens), "a b aa aab ");
}

TEST(BpeTrainer, NothingToLearnFrom) {
  EXPECT_TRUE(train_bpe({}, {}).tokens.empty());
  EXPECT_EQ(train_bpe(counts_of({{"a", 5}, {"", 2}}), {}).tokens.size(), 1u);
}

TEST(BpeTrainer, AMonitorMayEndIt) {
  WordCounts counts;
  for (int k = 0; k < 5000; ++k) counts.add(std::to_string(k));
  const auto stop = [](double share) {
    EXPECT_GT(share, 0);
    EXPECT_LE(share, 1);
    throw std::runtime_error("enough");
  };
  EXPECT_THROW(train_bpe(counts, {.vocab_size = 2000}, stop), std::runtime_error);
}

}  // namespace
}  // namespace tidemill
