// BPE against a naive oracle over random vocabularies, and the rules of Hugging Face's models.BPE one by one.
#include "text/bpe/bpe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "tidemill/error.h"

namespace tidemill {
namespace {

using Merges = std::vector<std::pair<std::string_view, std::string_view>>;

// Encodes `pieces`, joined to one text.
struct Encoded {
  std::vector<int32_t> ids;
  std::vector<ByteRange> ranges;
  std::vector<uint32_t> pieces;
};

Encoded encode(const PieceModel& model, const std::vector<std::string>& pieces) {
  std::string text;
  std::vector<ByteRange> ranges;
  for (const std::string& piece : pieces) {
    ranges.push_back({static_cast<uint32_t>(text.size()), static_cast<uint32_t>(text.size() + piece.size())});
    text += piece;
  }
  Encoded encoded;
  const auto scratch = model.make_scratch();
  model.encode(text, ranges, *scratch, {encoded.ids, &encoded.ranges, &encoded.pieces});
  std::vector<int32_t> ids_alone;
  model.encode(text, ranges, *scratch, {ids_alone});
  EXPECT_EQ(ids_alone, encoded.ids);
  return encoded;
}

std::vector<int32_t> ids_of(const PieceModel& model, const std::string& piece) {
  return encode(model, {piece}).ids;
}

std::vector<std::string_view> views(const std::vector<std::string>& strings) {
  return {strings.begin(), strings.end()};
}

std::string message_of(const BpeVocab& vocab) {
  try {
    make_bpe(vocab, "f.json");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::bad_file);
    return error.what();
  }
  return "accepted";
}

TEST(Bpe, MergesByRankAndLeftmostOfEquals) {
  const std::vector<std::string_view> names = {"a", "b", "c", "ab", "bc", "aa", "abc"};
  const Merges merges = {{"b", "c"}, {"a", "b"}, {"a", "a"}, {"a", "bc"}};
  const auto model = make_bpe({.names = names, .merges = merges}, "test");
  EXPECT_EQ(ids_of(*model, "abc"), (std::vector<int32_t>{6}));
  EXPECT_EQ(ids_of(*model, "abab"), (std::vector<int32_t>{3, 3}));
  EXPECT_EQ(ids_of(*model, "aaaaa"), (std::vector<int32_t>{5, 5, 0}));
  EXPECT_EQ(model->token_id("abc"), 6);
  EXPECT_EQ(model->token_id("x"), -1);
  EXPECT_EQ(model->token_name(3), "ab");
  EXPECT_EQ(model->vocab_size(), 7);
}

TEST(Bpe, SaysWhereTokensComeFrom) {
  const std::vector<std::string_view> names = {"a", "b", "ab"};
  const Merges merges = {{"a", "b"}};
  const auto model = make_bpe({.names = names, .merges = merges}, "test");
  const Encoded encoded = encode(*model, {"ab", "bab"});
  EXPECT_EQ(encoded.ids, (std::vector<int32_t>{2, 1, 2}));
  EXPECT_EQ(encoded.pieces, (std::vector<uint32_t>{0, 1, 1}));
  ASSERT_EQ(encoded.ranges.size(), 3u);
  EXPECT_EQ(encoded.ranges[2].begin, 3u);
  EXPECT_EQ(encoded.ranges[2].end, 5u);
}

TEST(Bpe, WholePiecesComeBeforeMerging) {
  const std::vector<std::string_view> names = {"a", "b", "c", "ab", "abc"};
  const Merges merges = {{"a", "b"}};
  EXPECT_EQ(ids_of(*make_bpe({.names = names, .merges = merges}, "test"), "abc"), (std::vector<int32_t>{3, 2}));
  const auto model = make_bpe({.names = names, .merges = merges, .whole_pieces = true}, "test");
  EXPECT_EQ(ids_of(*model, "abc"), (std::vector<int32_t>{4}));
}

TEST(Bpe, UnknownCharacters) {
  const std::vector<std::string_view> names = {"?", "a", "<0xC3>", "<0xA9>"};
  const auto ids = [&](BpeVocab vocab, const char* piece) {
    vocab.names = names;
    return ids_of(*make_bpe(vocab, "test"), piece);
  };
  EXPECT_EQ(ids({}, "xay"), (std::vector<int32_t>{1}));
  EXPECT_EQ(ids({.unknown = "?"}, "xyaz"), (std::vector<int32_t>{0, 0, 1, 0}));
  EXPECT_EQ(ids({.fuse_unknown = true, .unknown = "?"}, "xyaz"), (std::vector<int32_t>{0, 1, 0}));
  EXPECT_EQ(ids({.byte_fallback = true}, "aé"), (std::vector<int32_t>{1, 2, 3}));
  // tokenizers 0.23.3 lets an unknown token wait behind the bytes of a later character.
  EXPECT_EQ(ids({.byte_fallback = true, .unknown = "?"}, "xéa"), (std::vector<int32_t>{2, 3, 0, 1}));
}

TEST(Bpe, NamesOfByteTokensAreText) {
  std::vector<std::string> tokens{"<", "0", "x", "4", "1", ">", "a", "\u2581"};
  for (int byte = 0; byte < 256; ++byte) {
    constexpr char kDigits[] = "0123456789ABCDEF";
    tokens.push_back(std::string("<0x") + kDigits[byte / 16] + kDigits[byte % 16] + ">");
  }
  tokens.push_back("<0");
  const std::vector<std::string_view> names = views(tokens);
  const Merges merges = {{"<", "0"}};
  const auto model = make_bpe({.names = names, .merges = merges, .byte_fallback = true}, "test");
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(ids_of(*model, "<0x41>"), (std::vector<int32_t>{8 + 256, 2, 3, 4, 5}));
    EXPECT_EQ(ids_of(*model, "A"), std::vector<int32_t>{8 + 0x41});
  }
}

TEST(Bpe, DroppedCharactersMoveRangesUp) {
  const std::vector<std::string_view> names = {"a"};
  const auto model = make_bpe({.names = names}, "test");
  const Encoded encoded = encode(*model, {"xa"});
  ASSERT_EQ(encoded.ranges.size(), 1u);
  EXPECT_EQ(encoded.ranges[0].begin, 0u);
}

TEST(Bpe, PrefixAndSuffix) {
  const std::vector<std::string_view> names = {"a",       "##b",      "##c",   "ab",     "##bc",
                                               "##c</w>", "##bc</w>", "a</w>", "abc</w>"};
  const Merges merges = {{"##b", "##c</w>"}, {"##b", "##c"}, {"a", "##bc</w>"}};
  const auto model =
      make_bpe({.names = names, .merges = merges, .continuing_prefix = "##", .end_suffix = "</w>"}, "test");
  EXPECT_EQ(ids_of(*model, "abc"), (std::vector<int32_t>{8}));
  EXPECT_EQ(ids_of(*model, "abcbc"), (std::vector<int32_t>{0, 4, 6}));
  EXPECT_EQ(ids_of(*model, "a"), (std::vector<int32_t>{7}));
}

TEST(Bpe, RefusesBadVocabularies) {
  const std::vector<std::string_view> names = {"a", "b", "ab"};
  const auto with_merges = [&](const Merges& merges) { return message_of({.names = names, .merges = merges}); };
  EXPECT_NE(message_of({}).find("f.json: the vocabulary is empty"), std::string::npos);
  EXPECT_NE(with_merges(Merges{{"a", "x"}}).find("merge 0 'a' 'x': 'x' is not in the vocabulary"), std::string::npos);
  EXPECT_NE(with_merges(Merges{{"a", "b"}, {"b", "a"}}).find("merge 1 'b' 'a': 'ba' is not"), std::string::npos);
  const std::vector<std::string_view> twice = {"a", "a"};
  EXPECT_NE(message_of({.names = twice}).find("occurs twice"), std::string::npos);
  EXPECT_NE(message_of({.names = names, .unknown = "?"}).find("the unknown token '?'"), std::string::npos);
  const std::vector<float> scores = {0, 0, NAN};
  EXPECT_NE(message_of({.names = names, .order = BpeVocab::Order::scores, .scores = scores}).find("token 2 'ab'"),
            std::string::npos);
  EXPECT_NE(message_of({.names = names, .order = BpeVocab::Order::scores}).find("3 tokens, but 0 scores"),
            std::string::npos);
}

// A random vocabulary over few letters, so that merges overlap and tie, and what BPE makes by its definition.
class RandomVocab {
 public:
  RandomVocab(uint32_t seed, BpeVocab::Order order) : rng_(seed), order_(order) {
    std::set<std::string> tokens = {"a", "b", "c", "d"};
    while (tokens.size() < 60) {
      const std::string token = pick(tokens) + pick(tokens);
      if (token.size() <= 12) tokens.insert(token);
    }
    tokens_.assign(tokens.begin(), tokens.end());
    std::shuffle(tokens_.begin(), tokens_.end(), rng_);
    for (const std::string& token : tokens_) {
      scores_.push_back(static_cast<float>(rng_() % 20));
      for (size_t k = 1; k < token.size(); ++k) {
        const std::pair<std::string, std::string> pair = {token.substr(0, k), token.substr(k)};
        if (tokens.count(pair.first) && tokens.count(pair.second)) pairs_.push_back(pair);
      }
    }
    std::shuffle(pairs_.begin(), pairs_.end(), rng_);
    views_ = views(tokens_);
    for (const auto& [left, right] : pairs_) merges_.emplace_back(left, right);
  }

  BpeVocab vocab() const { return {.names = views_, .order = order_, .merges = merges_, .scores = scores_}; }

  std::string text(size_t n) {
    std::string text;
    while (text.size() < n) text += rng_() % 3 ? tokens_[rng_() % tokens_.size()] : std::string(1, "abcd"[rng_() % 4]);
    return text;
  }

  std::vector<int32_t> expected(const std::string& piece) const {
    std::vector<std::string> symbols;
    for (const char c : piece) symbols.emplace_back(1, c);
    while (true) {
      double best = 1e9;
      size_t at = 0;
      for (size_t k = 0; k + 1 < symbols.size(); ++k) {
        const double rank = rank_of(symbols[k], symbols[k + 1]);
        if (rank < best) best = rank, at = k;
      }
      if (best == 1e9) break;
      symbols[at] += symbols[at + 1];
      symbols.erase(symbols.begin() + at + 1);
    }
    std::vector<int32_t> ids;
    for (const std::string& symbol : symbols) ids.push_back(id_of(symbol));
    return ids;
  }

 private:
  std::string pick(const std::set<std::string>& from) { return *std::next(from.begin(), rng_() % from.size()); }
  int32_t id_of(const std::string& token) const {
    const auto at = std::find(tokens_.begin(), tokens_.end(), token);
    return at == tokens_.end() ? -1 : static_cast<int32_t>(at - tokens_.begin());
  }
  double rank_of(const std::string& left, const std::string& right) const {
    if (order_ == BpeVocab::Order::merges) {
      const auto at = std::find(pairs_.begin(), pairs_.end(), std::pair(left, right));
      return at == pairs_.end() ? 1e9 : static_cast<double>(at - pairs_.begin());
    }
    const int32_t id = id_of(left + right);
    if (id < 0) return 1e9;
    return order_ == BpeVocab::Order::ids ? id : -scores_[id];
  }

  std::mt19937 rng_;
  BpeVocab::Order order_;
  std::vector<std::string> tokens_;
  std::vector<float> scores_;
  std::vector<std::pair<std::string, std::string>> pairs_;
  std::vector<std::string_view> views_;
  Merges merges_;
};

TEST(Bpe, EqualsTheDefinition) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    const auto order = static_cast<BpeVocab::Order>(seed % 3);
    RandomVocab random(seed, order);
    BpeVocab vocab = random.vocab();
    vocab.byte_symbols = seed % 2 == 0;
    const auto model = make_bpe(vocab, "test");
    std::vector<std::string> pieces;
    std::vector<int32_t> expected;
    for (size_t n = 1; n < 150; n += 1 + n / 10) {
      pieces.push_back(random.text(n));
      for (const int32_t id : random.expected(pieces.back())) expected.push_back(id);
    }
    EXPECT_EQ(encode(*model, pieces).ids, expected) << "seed " << seed;
  }
}

// Pairs that are looked up as they come are those that a list would have.
TEST(Bpe, PairsNeedNotBeListed) {
  std::mt19937 random(12);
  for (int round = 0; round < 200; ++round) {
    std::set<std::string> tokens{"a", "b", "\u00E9", "\u2581"};
    while (tokens.size() < 30) {
      std::string token;
      const std::string letters[] = {"a", "b", "\u00E9", "\u2581"};
      for (size_t n = 2 + random() % 4; n > 0; --n) token += letters[random() % 4];
      tokens.insert(token);
    }
    std::vector<std::string> shuffled(tokens.begin(), tokens.end());
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    shuffled.push_back("<unk>");
    const std::vector<std::string_view> names = views(shuffled);
    std::vector<float> scores;
    std::vector<uint8_t> mergeable;
    const uint32_t n_scores = round % 2 ? 5 : 100000;  // with ties, and nearly none
    for (const std::string_view name : names) {
      scores.push_back(-static_cast<float>(random() % n_scores));
      mergeable.push_back(name.size() < 3 || (random() % 5 > 0 && name != "<unk>"));
    }
    BpeVocab vocab{.names = names,
                   .order = BpeVocab::Order::scores,
                   .scores = scores,
                   .mergeable = mergeable,
                   .fuse_unknown = round % 3 == 0,
                   .unknown = "<unk>"};
    const auto listed = make_bpe(vocab, "listed");
    vocab.most_listed = 0;
    const auto looked_up = make_bpe(vocab, "looked up");
    for (int k = 0; k < 20; ++k) {
      std::string text;
      for (size_t n = random() % 80; n > 0; --n) text += shuffled[random() % 6];
      ASSERT_EQ(ids_of(*listed, text), ids_of(*looked_up, text)) << text;
    }
  }
}

TEST(Bpe, LongPiecesTakeNearlyLinearTime) {
  RandomVocab random(7, BpeVocab::Order::merges);
  const auto model = make_bpe(random.vocab(), "test");
  const std::string letters(1 << 20, 'a');
  EXPECT_FALSE(ids_of(*model, letters).empty());
  EXPECT_FALSE(ids_of(*model, random.text(1 << 20)).empty());
}

}  // namespace
}  // namespace tidemill
