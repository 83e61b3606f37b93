// Expectation and maximisation give the pieces their scores; prunings in between take away those that the text needs
// least, until the vocabulary is small enough.
#include "text/training/unigram_trainer.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

#include "text/training/unigram_pieces.h"
#include "text/unicode/code_points.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr int kRoundsPerPruning = 2;
constexpr double kShrinking = 0.75;  // of the pieces, per pruning
constexpr double kFewestExpected = 0.5;
constexpr double kPenaltyStep = 0.0001;

double digamma(double x) {
  double result = 0.0;
  while (x < 7.0) {
    result -= 1.0 / x;
    x += 1.0;
  }
  x -= 1.0 / 2.0;
  const double xx = 1.0 / x;
  const double xx2 = xx * xx;
  const double xx4 = xx2 * xx2;
  return result + (std::log(x) + (1.0 / 24.0) * xx2 - 7.0 / 960.0 * xx4 + (31.0 / 8064.0) * xx4 * xx2 -
                   (127.0 / 30720.0) * xx4 * xx4);
}

std::string utf8_of(std::u32string_view characters) {
  std::string text;
  for (const char32_t c : characters) append_code_point(text, c);
  return text;
}

std::vector<std::string> distinct(const std::vector<std::string>& tokens) {
  std::vector<std::string> kept;
  std::unordered_set<std::string_view> seen;
  for (const std::string& token : tokens) {
    if (seen.insert(token).second) kept.push_back(token);
  }
  return kept;
}

// The share that is done.  Every pruning takes away about a quarter, so the logarithm of the size falls evenly.
class Advance {
 public:
  Advance(size_t first_size, size_t last_size)
      : first_size_(first_size), n_prunings_(std::max(1.0, std::ceil(prunings_to(last_size)))) {}

  double share(size_t size, int round) {
    const double done = prunings_to(size) + static_cast<double>(round) / kRoundsPerPruning;
    share_ = std::max(share_, std::min(done / (n_prunings_ + 1), 1.0));
    return share_;
  }

 private:
  double prunings_to(size_t size) const {
    return std::log(static_cast<double>(first_size_) / static_cast<double>(size)) / -std::log(kShrinking);
  }

  size_t first_size_;
  double n_prunings_;
  double share_ = 0;
};

class UnigramTrainer {
 public:
  UnigramTrainer(const WordLetters& words, const UnigramTrainingOptions& options, const RunParts& run)
      : special_tokens_(distinct(options.special_tokens)),
        vocab_size_(options.vocab_size),
        desired_size_(options.vocab_size * 11 / 10),
        words_(words),
        pieces_(words, make_seed_pieces(words, options.n_seeds, run), run) {}

  std::vector<UnigramToken> train(const TrainingMonitor& monitor) {
    Advance advance(pieces_.size(), desired_size_);
    for (;;) {
      for (int round = 0; round < kRoundsPerPruning; ++round) {
        if (monitor) monitor(advance.share(pieces_.size(), round));
        reestimate();
      }
      const size_t old_size = pieces_.size();
      if (old_size <= desired_size_) break;
      prune();
      if (pieces_.size() == old_size) break;  // every piece is needed; the reference would not end
    }
    return finished();
  }

 private:
  // One step of expectation and maximisation; a digamma in place of the logarithm makes rare pieces rarer.
  void reestimate() {
    const std::vector<double> expected = pieces_.expected_counts();
    std::vector<UnigramPieces::Kept> kept;
    double sum = 0;
    for (size_t piece = 1; piece < expected.size(); ++piece) {
      if (expected[piece] < kFewestExpected) continue;
      kept.push_back({piece, expected[piece]});
      sum += expected[piece];
    }
    const double log_sum = kept.empty() ? 0 : digamma(sum);
    for (UnigramPieces::Kept& piece : kept) piece.score = digamma(piece.score) - log_sum;
    pieces_.keep(kept);
  }

  // Takes away the pieces without which the text loses least, by an estimate: a piece's occurrences fall to those of
  // the best way to cut it without it.
  void prune() {
    const std::vector<double> counts = pieces_.best_counts();
    const std::vector<UnigramPieces::Alternative> alternatives = pieces_.alternatives();
    double n_words = 0, sum = 0;
    for (const WordLetters::Word& word : words_.words) n_words += static_cast<double>(word.count);
    for (const double count : counts) sum += count;
    std::vector<UnigramPieces::Kept> kept;
    std::vector<std::pair<double, size_t>> candidates;  // loss, piece
    for (size_t piece = 1; piece < counts.size(); ++piece) {
      const UnigramPieces::Alternative& other = alternatives[piece];
      const double count = counts[piece];
      if (count == 0 && !other.keep) continue;
      if (other.pieces.empty()) {
        kept.push_back({piece, pieces_.score(piece)});
      } else if (count > 0) {
        candidates.emplace_back(count / n_words * loss_per_occurrence(piece, other, counts, sum), piece);
      }
    }
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    const auto shrunk = static_cast<size_t>(static_cast<double>(pieces_.size()) * kShrinking);
    const size_t size = std::max(desired_size_, shrunk);
    for (const auto& [loss, piece] : candidates) {
      if (kept.size() + 1 >= size) break;  // one more: the unknown piece
      kept.push_back({piece, pieces_.score(piece)});
    }
    pieces_.keep(kept);
  }

  // The count of all pieces grows by that of the piece for every other piece of its alternative but one.  The reference
  // takes the number of all pieces for that of the alternative, and so do we: it weighs long alternatives more.
  double loss_per_occurrence(size_t piece, const UnigramPieces::Alternative& other, const std::vector<double>& counts,
                             double sum) const {
    const double count = counts[piece];
    const double log_sum_after = std::log(sum + count * static_cast<double>(pieces_.size() - 1));
    double log_after = 0;
    for (const uint32_t part : other.pieces) log_after += std::log(counts[part] + count) - log_sum_after;
    return std::log(count) - std::log(sum) - log_after;
  }

  // Special tokens, then all characters and as many pieces as there is room for, by falling score.
  std::vector<UnigramToken> finished() const {
    std::unordered_map<std::u32string, double> scores;
    for (size_t piece = 1; piece < pieces_.size(); ++piece) scores.emplace(pieces_.text(piece), pieces_.score(piece));
    std::unordered_set<std::string> taken(special_tokens_.begin(), special_tokens_.end());
    std::vector<UnigramToken> tokens;
    const auto add = [&](std::string text, double score) {
      if (taken.insert(text).second) tokens.push_back({std::move(text), score});
    };
    double penalty = 0;
    for (size_t letter = words_.has_null ? 0 : 1; letter < words_.alphabet.size(); ++letter) {
      const std::u32string character(1, words_.alphabet[letter]);
      const auto found = scores.find(character);
      add(utf8_of(character), found != scores.end() ? found->second : pieces_.lowest_score() + penalty);
      if (found == scores.end()) penalty += kPenaltyStep;
    }
    const size_t n_most = vocab_size_ - special_tokens_.size();
    for (size_t piece = 1; piece < pieces_.size() && tokens.size() < n_most; ++piece) {
      add(utf8_of(pieces_.text(piece)), pieces_.score(piece));
    }
    std::stable_sort(tokens.begin(), tokens.end(),
                     [](const UnigramToken& a, const UnigramToken& b) { return a.score > b.score; });
    std::vector<UnigramToken> all;
    for (const std::string& token : special_tokens_) all.push_back({token, 0});
    all.insert(all.end(), std::make_move_iterator(tokens.begin()), std::make_move_iterator(tokens.end()));
    return all;
  }

  const std::vector<std::string> special_tokens_;
  const size_t vocab_size_;
  const size_t desired_size_;  // before the last choice
  const WordLetters& words_;
  UnigramPieces pieces_;
};

void check_vocab_size(const WordLetters& words, const UnigramTrainingOptions& options) {
  const size_t n_characters = words.alphabet.size() - (words.has_null ? 0 : 1);
  const size_t n_needed = n_characters + distinct(options.special_tokens).size();
  if (n_needed <= options.vocab_size) return;
  throw Error(ErrorCode::invalid_argument, "vocab_size: " + std::to_string(options.vocab_size) +
                                               " has no room for the " + std::to_string(n_characters) +
                                               " characters of the text and the special tokens; give at least " +
                                               std::to_string(n_needed));
}

}  // namespace

std::vector<UnigramToken> train_unigram(const WordCounts& words, const UnigramTrainingOptions& options,
                                        const RunParts& run, const TrainingMonitor& monitor) {
  const WordLetters letters = make_word_letters(words);
  check_vocab_size(letters, options);
  return UnigramTrainer(letters, options, run).train(monitor);
}

}  // namespace tidemill
