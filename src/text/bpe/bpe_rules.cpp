#include "text/bpe/bpe_rules.h"

#include <bit>
#include <cmath>

#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr size_t kMaxTokens = size_t{1} << BpePairs::kIdBits;
constexpr size_t kMaxMerges = (size_t{1} << BpePairs::kMergeBits) - 1;

[[noreturn]] void bad_vocabulary(const std::string& source, const std::string& why) {
  throw Error(ErrorCode::bad_file, source + ": " + why + "; get the file again from where it was published");
}

std::string merge_label(size_t rank, std::pair<std::string_view, std::string_view> merge) {
  return "merge " + std::to_string(rank) + " '" + std::string(merge.first) + "' '" + std::string(merge.second) + "'";
}

// Floats in descending order as integers in ascending order.  The two zeros are equal.
uint32_t descending(float score) {
  const auto bits = std::bit_cast<uint32_t>(score + 0.0f);
  return bits & 0x80000000u ? bits : ~bits & 0x7FFFFFFFu;
}

std::vector<BpePairs::Rule> listed_rules(const BpeVocab& vocab, const TokenIndex& names, const std::string& source) {
  const size_t prefix_size = vocab.continuing_prefix.size();
  std::vector<BpePairs::Rule> rules;
  rules.reserve(vocab.merges.size());
  std::string joined;
  for (size_t rank = 0; rank < vocab.merges.size(); ++rank) {
    const auto& [left, right] = vocab.merges[rank];
    const auto id_of = [&](std::string_view name) {
      const int32_t id = names.find(name);
      if (id >= 0) return static_cast<uint32_t>(id);
      bad_vocabulary(source,
                     merge_label(rank, vocab.merges[rank]) + ": '" + std::string(name) + "' is not in the vocabulary");
    };
    if (right.size() < prefix_size) {
      bad_vocabulary(source, merge_label(rank, vocab.merges[rank]) + ": the right part lacks the prefix '" +
                                 std::string(vocab.continuing_prefix) + "'");
    }
    joined.assign(left).append(right.substr(prefix_size));
    rules.push_back({id_of(left), id_of(right), static_cast<uint32_t>(rank), id_of(joined)});
  }
  return rules;
}

// Every way to cut a token into two.
std::vector<BpePairs::Rule> concatenation_rules(const BpeVocab& vocab, const TokenIndex& texts,
                                                const std::string& source) {
  const TokenStrings& all = texts.strings();
  const std::vector<uint32_t> ranks = concatenation_ranks(vocab);
  const auto merges = [&](int32_t id) { return id >= 0 && ranks[id] != BpeConcatenations::kNeverMerged; };
  const JoinableHash hash(texts.longest());
  std::vector<BpePairs::Rule> rules;
  for (int32_t id = 0; id < all.size(); ++id) {
    if (!merges(id)) continue;
    const std::string_view token = all[id];
    const uint64_t token_hash = JoinableHash::of(token);
    uint64_t left_hash = 0;
    for (size_t middle = 1; middle < token.size(); ++middle) {
      left_hash = hash.join(left_hash, JoinableHash::of(token.substr(middle - 1, 1)), 1);
      const int32_t left = texts.find(token.substr(0, middle), left_hash);
      if (!merges(left)) continue;
      const uint64_t right_hash = token_hash - hash.join(left_hash, 0, token.size() - middle);
      const int32_t right = texts.find(token.substr(middle), right_hash);
      if (!merges(right)) continue;
      if (rules.size() == kMaxMerges) bad_vocabulary(source, "more than 2^22 pairs of tokens are a token together");
      rules.push_back({static_cast<uint32_t>(left), static_cast<uint32_t>(right), ranks[static_cast<size_t>(id)],
                       static_cast<uint32_t>(id)});
    }
  }
  return rules;
}

}  // namespace

void check_bpe_vocab(const BpeVocab& vocab, const std::string& source) {
  const size_t n_tokens = vocab.n_tokens();
  if (n_tokens == 0) bad_vocabulary(source, "the vocabulary is empty");
  if (n_tokens > kMaxTokens) {
    bad_vocabulary(source, "the vocabulary has ids up to " + std::to_string(n_tokens - 1) + ", more than 2^21");
  }
  if (vocab.merges.size() > kMaxMerges) {
    bad_vocabulary(source, "there are " + std::to_string(vocab.merges.size()) + " merges, more than 2^22");
  }
  const auto check_size = [&](const char* what, size_t size, bool needed) {
    if (size == n_tokens || (size == 0 && !needed)) return;
    bad_vocabulary(source, std::to_string(n_tokens) + " tokens, but " + std::to_string(size) + " " + what);
  };
  check_size("texts", vocab.texts.size(), false);
  check_size("scores", vocab.scores.size(), vocab.order == BpeVocab::Order::scores);
  check_size("roles in merging", vocab.mergeable.size(), false);
  for (size_t id = 0; id < vocab.scores.size(); ++id) {
    if (!std::isnan(vocab.scores[id])) continue;
    bad_vocabulary(
        source, "the score of token " + std::to_string(id) + " '" + std::string(vocab.name(id)) + "' is not a number");
  }
}

std::vector<uint32_t> concatenation_ranks(const BpeVocab& vocab) {
  std::vector<uint32_t> ranks(vocab.n_tokens(), BpeConcatenations::kNeverMerged);
  for (size_t id = 0; id < ranks.size(); ++id) {
    if (!vocab.mergeable.empty() && vocab.mergeable[id] == 0) continue;
    ranks[id] = vocab.order == BpeVocab::Order::ids ? static_cast<uint32_t>(id) : descending(vocab.scores[id]);
  }
  return ranks;
}

std::vector<BpePairs::Rule> bpe_rules(const BpeVocab& vocab, const TokenIndex& names, const TokenIndex& texts,
                                      const std::string& source) {
  return vocab.order == BpeVocab::Order::merges ? listed_rules(vocab, names, source)
                                                : concatenation_rules(vocab, texts, source);
}

}  // namespace tidemill
