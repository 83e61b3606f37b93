// One call of Unigram's `encode`: from word to word, with the sum so far.
#pragma once

#include <array>
#include <cmath>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/bpe/bpe_cuts.h"
#include "text/pieces/piece_model.h"
#include "text/unicode/code_points.h"
#include "text/unigram/unigram_path.h"
#include "text/unigram/unigram_tokens.h"
#include "text/unigram/unigram_words.h"
#include "text/unigram/unigram_writer.h"
#include "text/words/word_cutter.h"

namespace tidemill {

template <typename Score>
struct UnigramScratch final : PieceModel::Scratch {
  // `remembers_raw`: words are looked up before they are normalized, too.
  explicit UnigramScratch(bool remembers_raw)
      : words(std::make_shared<PieceCache>(0)),
        raw_words(std::make_shared<PieceCache>(0)),
        remembers_raw_(remembers_raw),
        owns_caches_(true) {}
  // With the caches of `other`, which counts their bytes.
  explicit UnigramScratch(const UnigramScratch* other)
      : words(other->words.cache()),
        raw_words(other->raw_words.cache()),
        remembers_raw_(other->remembers_raw_),
        owns_caches_(false) {}

  void limit_cache(size_t n_bytes) override {
    words.cache()->limit(remembers_raw_ ? n_bytes / 4 : n_bytes);
    raw_words.cache()->limit(remembers_raw_ ? n_bytes - n_bytes / 4 : 0);
  }
  CacheStatistics cache_statistics() const override {
    CacheStatistics sum = words.statistics();
    sum.hits += raw_words.statistics().hits;
    sum.misses += raw_words.statistics().misses;
    if (owns_caches_) sum.bytes = static_cast<int64_t>(words.cache()->bytes() + raw_words.cache()->bytes());
    return sum;
  }

  UnigramPath<Score> path;
  UnigramWords<Score> words;      // as the normalizer leaves them
  UnigramWords<Score> raw_words;  // as they stand in the text
  std::vector<ByteRange> ranges;  // of words
  std::array<ByteRange, kWordRoom> raw_ranges;
  std::array<int32_t, PieceBlock::kPieces * PieceIds::kInline> copied_ids;
  std::string normalized;  // word

 private:
  bool remembers_raw_;
  bool owns_caches_;
};

// Block by block of words; what is unknown run by run.
template <typename Score>
class UnigramPass {
 public:
  // `sum`: of the scores of all tokens so far; goes on with the pass.
  UnigramPass(const UnigramTokens<Score>& tokens, const BpeCuts& cuts, std::string_view text,
              UnigramScratch<Score>& scratch, PieceTokens& written, Score& sum)
      : tokens_(tokens),
        cuts_(cuts),
        text_(text),
        scratch_(scratch),
        writer_(tokens, text, written),
        tracked_(written.ranges),
        sum_(sum) {}

  void piece(ByteRange piece) {
    for (size_t begin = piece.begin; begin < piece.end;) {
      scratch_.ranges.clear();
      begin = cuts_.cut(text_, begin, piece.end, PieceBlock::kPieces, scratch_.ranges);
      scratch_.words.find(tokens_, text_, scratch_.ranges);
      for (size_t k = 0; k < scratch_.ranges.size(); ++k) word(scratch_.ranges[k], scratch_.words.word(k));
    }
    end();
  }

  // Call it behind the last word.
  void end() { writer_.end_unknown(); }

  // As the word was written before, where that is certain.
  void word(ByteRange range, const UnigramWord& word) {
    if (!(std::abs(sum_) <= word.largest_sum)) return search(range);
    uint32_t begin = range.begin;
    if (!word.has_unknown && !tracked_) {
      for (const int32_t id : word.ids) sum_ += tokens_.scores[id];
      return writer_.write(word.ids);
    }
    const int32_t unknown_id = tokens_.unknown.id_or_none();
    for (const int32_t id : word.ids) {
      const bool is_unknown = id == unknown_id;
      sum_ += is_unknown ? tokens_.unknown_score : tokens_.scores[id];
      const size_t size = is_unknown ? utf8_size(text_[begin]) : tokens_.names[id].size();
      const auto end = static_cast<uint32_t>(begin + size);
      writer_.write({begin, end, id});
      begin = end;
    }
  }

 private:
  void search(ByteRange range) {
    scratch_.path.write(tokens_, text_, range.begin, range.end, sum_,
                        [this](const UnigramSegment& segment) { writer_.write(segment); });
  }

  const UnigramTokens<Score>& tokens_;
  const BpeCuts& cuts_;
  std::string_view text_;
  UnigramScratch<Score>& scratch_;
  UnigramWriter<Score> writer_;
  bool tracked_;
  Score& sum_;
};

}  // namespace tidemill
