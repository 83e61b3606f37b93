// Both searches first go through the text from its end and note, for each place, what there is to come: the sum of the
// probabilities of all ways to write the rest, or the score of the best.  From the start on, each step is then a choice
// with known odds, or a search that never turns wrong (A* with a perfect estimate).
#include "text/unigram/unigram_sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <queue>

#include "text/unicode/code_points.h"
#include "text/unigram/unigram_tokens.h"
#include "text/unigram/unigram_writer.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr double kImpossible = -std::numeric_limits<double>::infinity();
// Unfinished ways that are kept at most; more only come of a text with a great many equally good ways.
constexpr size_t kMaxHypotheses = size_t{1} << 22;

// log(exp(a) + exp(b)) without overflow.
double log_sum(double a, double b) {
  if (a < b) std::swap(a, b);
  return b == kImpossible ? a : a + std::log1p(std::exp(b - a));
}

// The index that falls on `uniform` in [0, 1), each index being as likely as its weight.
size_t pick(const std::vector<double>& weights, double uniform) {
  double total = 0;
  for (const double weight : weights) total += weight;
  double rest = uniform * total;
  for (size_t k = 0; k + 1 < weights.size(); ++k) {
    rest -= weights[k];
    if (rest < 0) return k;
  }
  return weights.size() - 1;
}

template <typename Score>
class Sampler final : public UnigramSampler {
 public:
  Sampler(const UnigramVocab& vocab, const std::string& source) : tokens_(vocab, source) {}

  std::vector<int32_t> sample(std::string_view text, double alpha, Random& random) const override {
    const std::vector<double> rest =
        to_come(text, [&](double sum, double score, double after) { return log_sum(sum, alpha * score + after); });
    std::vector<UnigramSegment> chosen;
    std::vector<UnigramSegment> choices;
    std::vector<double> weights;
    for (uint32_t pos = 0; pos < text.size(); pos = chosen.back().end) {
      choices.clear();
      weights.clear();
      each_token(text, pos, [&](const UnigramSegment& token, double score) {
        choices.push_back(token);
        weights.push_back(std::exp(alpha * score + rest[token.end] - rest[pos]));
      });
      chosen.push_back(choices[pick(weights, random.uniform())]);
    }
    return ids_of(text, chosen);
  }

  std::vector<Scored> n_best(std::string_view text, size_t n) const override {
    if (n > kMaxBest) {
      throw Error(ErrorCode::invalid_argument,
                  "n best: " + std::to_string(n) + " are asked for; the limit is " + std::to_string(kMaxBest));
    }
    const std::vector<double> rest =
        to_come(text, [](double best, double score, double after) { return std::max(best, score + after); });
    std::vector<Scored> found;
    std::vector<Hypothesis> all{{kNone, {0, 0, -1}, 0}};
    std::priority_queue<Candidate> agenda;
    agenda.push({rest[0], 0});
    while (!agenda.empty() && found.size() < n) {
      const uint32_t index = agenda.top().hypothesis;
      agenda.pop();
      const Hypothesis last = all[index];
      if (last.token.end == text.size()) {
        found.push_back({ids_of(text, trace(all, index)), last.score});
        continue;
      }
      if (all.size() > kMaxHypotheses) break;
      each_token(text, last.token.end, [&](const UnigramSegment& token, double score) {
        agenda.push({last.score + score + rest[token.end], static_cast<uint32_t>(all.size())});
        all.push_back({index, token, last.score + score});
      });
    }
    return found;
  }

 private:
  // A way to write the beginning of a text: that of another one, and a token.
  struct Hypothesis {
    uint32_t before;
    UnigramSegment token;
    double score;
  };
  struct Candidate {
    double best_score;  // of all ways that go on from it
    uint32_t hypothesis;

    // The worse comes later; of equal ones the newer first, which is nearer to the end.
    bool operator<(const Candidate& other) const {
      return best_score != other.best_score ? best_score < other.best_score : hypothesis < other.hypothesis;
    }
  };
  static constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

  // Calls act(token, score) for all tokens that begin at `pos`.
  template <typename Act>
  void each_token(std::string_view text, uint32_t pos, Act&& act) const {
    const auto next = static_cast<uint32_t>(pos + utf8_size(text[pos]));
    bool has_single = false;
    UnigramTrie::Node node = UnigramTrie::kRoot;
    for (size_t after = pos; after < text.size() && tokens_.found.step(node, tokens_.found.next_code(text, after));) {
      const int32_t id = tokens_.found.id(node);
      if (id < 0) continue;
      const auto to = static_cast<uint32_t>(after);
      act(UnigramSegment{pos, to, id}, static_cast<double>(tokens_.scores[id]));
      has_single |= to == next;
    }
    if (has_single) return;
    const int32_t unknown = tokens_.unknown.id(text.substr(pos, next - pos));
    act(UnigramSegment{pos, next, unknown}, static_cast<double>(tokens_.unknown_score));
  }

  // For each place what combine(value so far, score of a token, value after it) makes of the tokens there.
  template <typename Combine>
  std::vector<double> to_come(std::string_view text, Combine&& combine) const {
    std::vector<double> values(text.size() + 1, kImpossible);
    values[text.size()] = 0;
    for (auto end = static_cast<uint32_t>(text.size()); end > 0;) {
      const auto pos = static_cast<uint32_t>(previous_start(text, end));
      each_token(text, pos, [&](const UnigramSegment& token, double score) {
        values[pos] = combine(values[pos], score, values[token.end]);
      });
      end = pos;
    }
    return values;
  }

  static std::vector<UnigramSegment> trace(const std::vector<Hypothesis>& all, uint32_t index) {
    std::vector<UnigramSegment> tokens;
    for (; all[index].before != kNone; index = all[index].before) tokens.push_back(all[index].token);
    std::reverse(tokens.begin(), tokens.end());
    return tokens;
  }

  std::vector<int32_t> ids_of(std::string_view text, const std::vector<UnigramSegment>& segments) const {
    std::vector<int32_t> ids;
    PieceTokens tokens{ids};
    UnigramWriter<Score> writer(tokens_, text, tokens);
    for (const UnigramSegment& segment : segments) writer.write(segment);
    writer.end_unknown();
    return ids;
  }

  UnigramTokens<Score> tokens_;
};

}  // namespace

std::unique_ptr<UnigramSampler> UnigramSampler::make(const UnigramVocab& vocab, UnigramRules rules,
                                                     const std::string& source) {
  if (rules == UnigramRules::sentencepiece) return std::make_unique<Sampler<float>>(vocab, source);
  return std::make_unique<Sampler<double>>(vocab, source);
}

std::vector<int32_t> UnigramSampler::sample_of_best(std::string_view text, size_t n, double alpha,
                                                    Random& random) const {
  std::vector<Scored> best = n_best(text, n);
  if (best.empty()) return {};
  std::vector<double> weights;
  for (const Scored& way : best) weights.push_back(std::exp(alpha * (way.score - best[0].score)));
  return std::move(best[pick(weights, random.uniform())].ids);
}

}  // namespace tidemill
