// Unigram over a raw text: most words of it came before, and are found without normalizing anything.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "text/reserved_ids.h"
#include "text/unigram/unigram_sum_writer.h"

namespace tidemill {

template <typename Score>
class UnigramRawText {
 public:
  // `sum`: of all scores before the text.
  UnigramRawText(const UnigramTokens<Score>& tokens, const BpeCuts& cuts, std::string_view text,
                 const WordNormalizer& normalizer, UnigramScratch<Score>& scratch, Score sum, std::vector<int32_t>& ids)
      : tokens_(tokens),
        text_(text),
        normalizer_(normalizer),
        scratch_(scratch),
        writer_(tokens, cuts, normalizer, scratch, sum, ids),
        ids_(ids) {}

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

  // Of all scores, once that is done.
  Score sum() const { return writer_.sum(); }

 private:
  bool encode_block(std::span<const ByteRange> words) {
    if (!scratch_.raw_words.find(tokens_, text_, words, &normalizer_)) return false;
    for (size_t k = 0; k < words.size(); ++k) {
      k = copy_words(k, words.size());
      if (k == words.size()) break;
      const std::string_view raw = text_.substr(words[k].begin, words[k].end - words[k].begin);
      if (!writer_.write(raw, scratch_.raw_words.word(k))) return false;
    }
    writer_.catch_up();
    return true;
  }

  // Copies the words from `k` on, up to one for which the sum matters; returns which that is.
  size_t copy_words(size_t k, size_t n_words) {
    const double step = writer_.largest_step(tokens_);
    double largest_sum = std::abs(static_cast<double>(writer_.sum()));  // at most
    int32_t* out = scratch_.copied_ids.data();
    for (; k < n_words; ++k) {
      const auto word = scratch_.raw_words.quick(k);
      if (word.largest_sum < largest_sum) break;
      std::memcpy(out, word.ids, (PieceIds::kInline - 1) * sizeof(int32_t));
      out += word.n_ids;
      largest_sum += static_cast<double>(word.n_ids) * step;
    }
    writer_.copy({scratch_.copied_ids.data(), out});
    return k;
  }

  const UnigramTokens<Score>& tokens_;
  std::string_view text_;
  const WordNormalizer& normalizer_;
  UnigramScratch<Score>& scratch_;
  UnigramSumWriter<Score> writer_;
  std::vector<int32_t>& ids_;
};

}  // namespace tidemill
