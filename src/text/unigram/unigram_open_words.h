// Words of a raw text as runs that are written alike after any sum but a large one, and words that are not.
//
// Several threads make runs, and the text is put together from them in order: there the sum is known, and what it
// decides otherwise than the run says is written again.  Sums begin anew past 100,000, which is where runs end to hold:
// once in some ten thousand tokens.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "text/unigram/unigram_raw_text.h"

namespace tidemill {

template <typename Score>
class UnigramOpenWords final : public PieceModel::OpenWords {
 public:
  UnigramOpenWords(const UnigramTokens<Score>& tokens, const BpeCuts& cuts, std::string_view text)
      : tokens_(tokens), cuts_(cuts), text_(text) {}

  // False when a word does not stand alone.
  bool open(const WordNormalizer& normalizer, UnigramScratch<Score>& scratch) {
    for (size_t pos = 0; const size_t n_words = cut_words(text_, pos, scratch.raw_ranges);) {
      const std::span<const ByteRange> words = std::span(scratch.raw_ranges).first(n_words);
      if (!scratch.raw_words.find(tokens_, text_, words, &normalizer)) return false;
      add_block(words, scratch);
      reserve_for_rest(ids_, 0, static_cast<double>(text_.size()) / static_cast<double>(pos));
    }
    return true;
  }

  // Appends the ids of all words; `sum`: of all scores before, and then of these, too.  False when a word does not
  // stand alone.
  bool close(const WordNormalizer& normalizer, UnigramScratch<Score>& scratch, Score& sum,
             std::vector<int32_t>& ids) const {
    UnigramSumWriter<Score> writer(tokens_, cuts_, normalizer, scratch, sum, ids);
    std::span<const int32_t> rest = ids_;
    for (const Run& run : runs_) {
      const std::string_view raw = text_.substr(run.range.begin, run.range.end - run.range.begin);
      const UnigramWord word{run.largest_sum, run.has_unknown, rest.first(run.n_ids)};
      rest = rest.subspan(run.n_ids);
      if (run.is_word || std::abs(writer.sum()) <= run.largest_sum) {
        if (!writer.write(raw, word)) return false;
        continue;
      }
      UnigramRawText<Score> again(tokens_, cuts_, raw, normalizer, scratch, writer.sum(), ids);
      if (!again.encode()) return false;
      writer.go_on(again.sum());
    }
    sum = writer.sum();
    return true;
  }

 private:
  struct Run {
    ByteRange range;  // of the text
    uint32_t n_ids;
    bool is_word;        // that is not usual; otherwise any number of words that are
    bool has_unknown;    // as UnigramWord
    double largest_sum;  // as UnigramWord, before the run
  };
  // Most words are certain up to this sum.
  static constexpr double kUsual = 97'000;
  // Runs end sooner, lest they hold for small sums only.
  static constexpr double kLeastUsual = 94'000;

  void add_block(std::span<const ByteRange> words, UnigramScratch<Score>& scratch) {
    for (size_t k = 0; k < words.size(); ++k) {
      k = add_usual(words, k, scratch);
      if (k < words.size()) add_other(words[k], scratch.raw_words.word(k));
    }
  }

  // Makes a run of the words from `k` on, or makes that before them longer; returns the first that is not usual.
  size_t add_usual(std::span<const ByteRange> words, size_t k, UnigramScratch<Score>& scratch) {
    const size_t first = k;
    int32_t* out = scratch.copied_ids.data();
    for (; k < words.size(); ++k) {
      const auto word = scratch.raw_words.quick(k);
      if (word.largest_sum < kUsual) break;
      std::memcpy(out, word.ids, (PieceIds::kInline - 1) * sizeof(int32_t));
      out += word.n_ids;
    }
    if (k > first) add_usual({words[first].begin, words[k - 1].end}, {scratch.copied_ids.data(), out});
    return k;
  }

  void add_usual(ByteRange range, std::span<const int32_t> ids) {
    if (!in_usual_run_ || runs_.back().largest_sum < kLeastUsual) {
      runs_.push_back({range, 0, false, false, kUsual});
    }
    in_usual_run_ = true;
    Run& run = runs_.back();
    run.range.end = range.end;
    run.n_ids += static_cast<uint32_t>(ids.size());
    run.largest_sum -= static_cast<double>(ids.size()) * UnigramSumWriter<Score>::largest_step(tokens_);
    ids_.insert(ids_.end(), ids.begin(), ids.end());
  }

  void add_other(ByteRange range, const UnigramWord& word) {
    if (word.largest_sum >= kUsual && !word.has_unknown) return add_usual(range, word.ids);
    in_usual_run_ = false;
    ids_.insert(ids_.end(), word.ids.begin(), word.ids.end());
    runs_.push_back({range, static_cast<uint32_t>(word.ids.size()), true, word.has_unknown, word.largest_sum});
  }

  const UnigramTokens<Score>& tokens_;
  const BpeCuts& cuts_;
  std::string_view text_;
  std::vector<int32_t> ids_;
  std::vector<Run> runs_;  // their ids are all of ids_
  bool in_usual_run_ = false;
};

}  // namespace tidemill
