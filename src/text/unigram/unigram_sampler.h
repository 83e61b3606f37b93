// Other ways to write a text than the best, for training: subword regularization.
//
//   Kudo 2018, "Subword regularization", arXiv:1804.10959.
//
// A way to write a text has the probability exp(alpha * score), divided by the sum of that over all ways, its score
// being the sum over its tokens.  Unknown characters, byte fallback and found tokens are as in text/unigram/unigram.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sys/random.h"
#include "text/unigram/unigram.h"

namespace tidemill {

// Immutable; any number of threads may call it, each with a Random of its own.
class UnigramSampler {
 public:
  struct Scored {
    std::vector<int32_t> ids;
    double score;
  };
  static constexpr size_t kMaxBest = 1024;

  // Throws as make_unigram.
  static std::unique_ptr<UnigramSampler> make(const UnigramVocab& vocab, UnigramRules rules, const std::string& source);
  virtual ~UnigramSampler() = default;

  // One of all ways to write `text`, valid UTF-8 as the normalizer left it.  alpha 0: all ways are alike; the greater
  // it is, the more is the best preferred.  The same `random` gives the same ids everywhere.  Linear time.
  virtual std::vector<int32_t> sample(std::string_view text, double alpha, Random& random) const = 0;

  // The `n` best ways to write `text`, best first; fewer when there are not so many, and for hostile texts.  Ways of
  // which one differs from the other only in unknown characters count as two.  Throws invalid_argument for n past
  // kMaxBest.
  virtual std::vector<Scored> n_best(std::string_view text, size_t n) const = 0;

  // One of the `n` best.
  std::vector<int32_t> sample_of_best(std::string_view text, size_t n, double alpha, Random& random) const;
};

}  // namespace tidemill
