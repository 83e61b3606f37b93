// Unigram over a raw text: most words of it came before, and are found without normalizing anything.
//
// The sum goes on from word to word as over the whole text.  Words that are written alike after any sum that may stand
// before them are copied without looking at it; what they add is made up for before a word that needs it.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "text/reserved_ids.h"
#include "text/unigram/unigram_pass.h"

namespace tidemill {

template <typename Score>
class UnigramRawText {
 public:
  UnigramRawText(const UnigramTokens<Score>& tokens, const BpeCuts& cuts, std::string_view text,
                 const WordNormalizer& normalizer, UnigramScratch<Score>& scratch, std::vector<int32_t>& ids)
      : tokens_(tokens),
        cuts_(cuts),
        text_(text),
        normalizer_(normalizer),
        scratch_(scratch),
        ids_(ids),
        n_summed_(ids.size()) {}

  // False, with nothing appended, when a word does not stand alone.
  bool encode() {
    const size_t n_before = ids_.size();
    for (size_t pos = 0; const size_t n_words = cut_words(text_, pos, scratch_.raw_ranges);) {
      if (!encode_block(std::span(scratch_.raw_ranges).first(n_words))) {
        ids_.resize(n_before);
        return false;
      }
      reserve_for_rest(ids_, n_before, static_cast<double>(text_.size()) / static_cast<double>(pos));
    }
    return true;
  }

 private:
  bool encode_block(std::span<const ByteRange> words) {
    if (!scratch_.raw_words.find(tokens_, text_, words, &normalizer_)) return false;
    for (size_t k = 0; k < words.size();) {
      k = copy_words(k, words.size());
      if (k < words.size() && !encode_word(words[k], k)) return false;
      ++k;
    }
    catch_up();
    return true;
  }

  // Copies the words from `k` on, up to one for which the sum matters; returns which that is.
  size_t copy_words(size_t k, size_t n_words) {
    constexpr double kRounding = 0.01;  // of a sum, which is below 100,000
    const double step = tokens_.largest_score + kRounding;
    double largest_sum = std::abs(static_cast<double>(sum_));  // at most
    int32_t* out = scratch_.copied_ids.data();
    for (; k < n_words; ++k) {
      const auto word = scratch_.raw_words.quick(k);
      if (word.largest_sum < largest_sum) break;
      std::memcpy(out, word.ids, (PieceIds::kInline - 1) * sizeof(int32_t));
      out += word.n_ids;
      largest_sum += static_cast<double>(word.n_ids) * step;
    }
    ids_.insert(ids_.end(), scratch_.copied_ids.data(), out);
    return k;
  }

  // Adds the scores of ids that were only copied.
  void catch_up() {
    for (; n_summed_ < ids_.size(); ++n_summed_) sum_ += tokens_.scores[ids_[n_summed_]];
  }

  bool encode_word(ByteRange range, size_t k) {
    catch_up();
    const UnigramWord word = scratch_.raw_words.word(k);
    const bool is_certain = std::abs(sum_) <= word.largest_sum;
    if (is_certain && !word.has_unknown) {
      ids_.insert(ids_.end(), word.ids.begin(), word.ids.end());
      catch_up();
    } else if (is_certain && !tokens_.byte_fallback) {
      write_unknown(word.ids);
    } else if (!search(text_.substr(range.begin, range.end - range.begin), word)) {
      return false;
    }
    n_summed_ = ids_.size();
    return true;
  }

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
  std::string_view text_;
  const WordNormalizer& normalizer_;
  UnigramScratch<Score>& scratch_;
  std::vector<int32_t>& ids_;
  size_t n_summed_;  // ids of which sum_ has the scores
  Score sum_ = 0;
};

}  // namespace tidemill
