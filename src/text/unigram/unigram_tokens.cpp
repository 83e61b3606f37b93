#include "text/unigram/unigram_tokens.h"

#include <algorithm>
#include <cfloat>
#include <cmath>

#include "text/unicode/utf8.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr double kUnknownPenalty = 10;

[[noreturn]] void bad_vocabulary(const std::string& source, const std::string& why) {
  throw Error(ErrorCode::bad_file, source + ": " + why + "; get the file again from where it was published");
}

// The vocabulary, once it is checked.
const UnigramVocab& checked(const UnigramVocab& vocab, const std::string& source) {
  const size_t n_tokens = vocab.tokens.size();
  if (vocab.scores.size() != n_tokens || (!vocab.types.empty() && vocab.types.size() != n_tokens)) {
    bad_vocabulary(source, "there are " + std::to_string(n_tokens) + " tokens, but " +
                               std::to_string(vocab.scores.size()) + " scores and " +
                               std::to_string(vocab.types.size()) + " types");
  }
  if (vocab.unknown < -1 || vocab.unknown >= static_cast<int64_t>(n_tokens)) {
    bad_vocabulary(source, "the unknown token is " + std::to_string(vocab.unknown) + ", but there are " +
                               std::to_string(n_tokens) + " tokens");
  }
  const auto label = [&](size_t id) {
    return "token " + std::to_string(id) + " '" + std::string(vocab.tokens[id]) + "'";
  };
  for (size_t id = 0; id < n_tokens; ++id) {
    if (!is_utf8(vocab.tokens[id])) bad_vocabulary(source, label(id) + " is not UTF-8");
    if (std::isnan(vocab.scores[id])) bad_vocabulary(source, "the score of " + label(id) + " is not a number");
  }
  return vocab;
}

TokenType type_of(const UnigramVocab& vocab, size_t id) {
  return vocab.types.empty() ? TokenType::normal : vocab.types[id];
}

// Hugging Face finds every token.
bool is_found(const UnigramVocab& vocab, size_t id, bool sentencepiece) {
  const TokenType type = type_of(vocab, id);
  return !sentencepiece || type == TokenType::normal || type == TokenType::user_defined;
}

template <typename Entry>
std::vector<Entry> entries(const UnigramVocab& vocab, bool sentencepiece, bool found) {
  std::vector<Entry> result;
  result.reserve(found ? vocab.tokens.size() : 0);
  for (size_t id = 0; id < vocab.tokens.size(); ++id) {
    if (vocab.tokens[id].empty() || is_found(vocab, id, sentencepiece) != found) continue;
    result.push_back({vocab.tokens[id], static_cast<int32_t>(id)});
  }
  return result;
}

template <typename Score>
std::vector<Score> scores_of(const UnigramVocab& vocab) {
  std::vector<Score> scores(vocab.scores.begin(), vocab.scores.end());
  if (!UnigramTokens<Score>::kSentencePiece) return scores;
  for (size_t id = 0; id < scores.size(); ++id) {
    if (type_of(vocab, id) != TokenType::user_defined) continue;
    // Better than nearly every sum of ordinary scores, and the longer the better.
    scores[id] = static_cast<Score>(0.1 * static_cast<double>(vocab.tokens[id].size()) - 0.1);
  }
  return scores;
}

template <typename Score>
Score unknown_score_of(const UnigramVocab& vocab) {
  constexpr bool kSentencePiece = UnigramTokens<Score>::kSentencePiece;
  Score lowest = std::numeric_limits<Score>::max();
  for (size_t id = 0; id < vocab.scores.size(); ++id) {
    if (kSentencePiece && type_of(vocab, id) != TokenType::normal) continue;
    lowest = std::min(lowest, static_cast<Score>(vocab.scores[id]));
  }
  return lowest - static_cast<Score>(kUnknownPenalty);
}

// The scores of tokens that are found, and one that stands for all of them where there are none.
template <typename Score>
std::vector<Score> found_scores(const UnigramVocab& vocab, const std::vector<Score>& scores, Score unknown_score) {
  std::vector<Score> found{unknown_score + static_cast<Score>(kUnknownPenalty)};
  for (size_t id = 0; id < scores.size(); ++id) {
    if (is_found(vocab, id, UnigramTokens<Score>::kSentencePiece)) found.push_back(scores[id]);
  }
  return found;
}

template <typename Score>
double largest_of(const std::vector<Score>& scores, Score unknown_score) {
  double largest = std::abs(double{unknown_score});
  for (const Score score : scores) largest = std::max(largest, std::abs(double{score}));
  return largest;
}

template <typename Score>
bool is_below(Score unknown_score, const std::vector<Score>& scores) {
  return std::all_of(scores.begin(), scores.end(), [&](Score score) { return score > unknown_score; });
}

}  // namespace

template <typename Score>
UnigramTokens<Score>::UnigramTokens(const UnigramVocab& vocab, const std::string& source)
    : names(checked(vocab, source).tokens),
      others(entries<ByteTrie::Entry>(vocab, kSentencePiece, false)),
      scores(scores_of<Score>(vocab)),
      unknown_score(unknown_score_of<Score>(vocab)),
      largest_score(largest_of(found_scores(vocab, scores, unknown_score), unknown_score)),
      found(entries<UnigramTrie::Token>(vocab, kSentencePiece, true), std::vector<double>(scores.begin(), scores.end()),
            largest_score),
      unknown_is_worst(is_below(unknown_score, found_scores(vocab, scores, unknown_score))),
      unknown("", vocab.unknown),
      byte_fallback(vocab.byte_fallback) {
  if (!vocab.byte_fallback) return;
  for (size_t byte = 0; byte < byte_ids.size(); ++byte) byte_ids[byte] = find(byte_token_name(byte));
}

template struct UnigramTokens<float>;
template struct UnigramTokens<double>;

}  // namespace tidemill
