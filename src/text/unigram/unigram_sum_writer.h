// The ids of raw words, and the sum of their scores, which goes on from word to word as over the whole text.
//
// Words that are written alike after any sum that may stand before them are copied without looking at it; what they add
// is made up for before a word that needs it.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "text/unigram/unigram_pass.h"

namespace tidemill {

template <typename Score>
class UnigramSumWriter {
 public:
  // `sum`: of all before, which is not among `ids`.
  UnigramSumWriter(const UnigramTokens<Score>& tokens, const BpeCuts& cuts, const WordNormalizer& normalizer,
                   UnigramScratch<Score>& scratch, Score sum, std::vector<int32_t>& ids)
      : tokens_(tokens),
        cuts_(cuts),
        normalizer_(normalizer),
        scratch_(scratch),
        ids_(ids),
        n_summed_(ids.size()),
        sum_(sum) {}

  // By how much one id may change the sum, rounding included.
  static double largest_step(const UnigramTokens<Score>& tokens) {
    constexpr double kRounding = 0.01;  // of a sum, which is below 100,000
    return tokens.largest_score + kRounding;
  }

  // Call `catch_up` before the sum is read.
  void copy(std::span<const int32_t> ids) { ids_.insert(ids_.end(), ids.begin(), ids.end()); }
  void catch_up() {
    sum_ = tokens_.sum_on(sum_, std::span<const int32_t>(ids_).subspan(n_summed_));
    n_summed_ = ids_.size();
  }
  Score sum() const { return sum_; }
  // After ids that were appended by others, with the sum that they left.
  void go_on(Score sum) {
    sum_ = sum;
    n_summed_ = ids_.size();
  }

  // Writes the word `raw`, which is `word` for some sums.  False when it does not stand alone.
  bool write(std::string_view raw, const UnigramWord& word) {
    catch_up();
    const bool is_certain = std::abs(sum_) <= word.largest_sum;
    if (is_certain && !word.has_unknown) {
      copy(word.ids);
      catch_up();
    } else if (is_certain && !tokens_.byte_fallback) {
      write_unknown(word.ids);
    } else if (!search(raw, word)) {
      return false;
    }
    n_summed_ = ids_.size();
    return true;
  }

 private:
  // Unknown neighbours are one.
  void write_unknown(std::span<const int32_t> ids) {
    const int32_t unknown_id = tokens_.unknown.id_or_none();
    bool after_unknown = false;
    for (const int32_t id : ids) {
      const bool is_unknown = id == unknown_id;
      sum_ += is_unknown ? tokens_.unknown_score : tokens_.scores[id];
      if (!is_unknown || !after_unknown) ids_.push_back(id);
      after_unknown = is_unknown;
    }
  }

  // The word as the normalizer makes it.
  bool search(std::string_view raw, const UnigramWord& word) {
    scratch_.normalized.clear();
    if (!normalizer_.append_word(raw, scratch_.normalized)) return false;
    const ByteRange all{0, static_cast<uint32_t>(scratch_.normalized.size())};
    PieceTokens written{ids_};
    UnigramPass<Score> pass(tokens_, cuts_, scratch_.normalized, scratch_, written, sum_);
    if (raw.size() > WordCache::kLongestWord) {
      pass.piece(all);
    } else {
      pass.word(all, word);
      pass.end();
    }
    return true;
  }

  const UnigramTokens<Score>& tokens_;
  const BpeCuts& cuts_;
  const WordNormalizer& normalizer_;
  UnigramScratch<Score>& scratch_;
  std::vector<int32_t>& ids_;
  size_t n_summed_;  // ids of which sum_ has the scores
  Score sum_;
};

}  // namespace tidemill
