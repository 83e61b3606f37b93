// A text in parts, cut at white space, for models that need what is before a word to be certain of it
// (PieceModel::open_words).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "text/open_text.h"
#include "text/pieces/piece_model.h"
#include "text/scratch_pool.h"

namespace tidemill {

class OpenWordsText final : public OpenText {
 public:
  // `append_whole` appends the ids of all of `text`, should it turn out that a word does not stand alone or is not
  // UTF-8.  All that is given outlives this.
  OpenWordsText(const PieceModel& model, const WordNormalizer& normalizer, ScratchPool& scratches,
                std::string_view text, size_t n_parts, std::function<void(std::vector<int32_t>&)> append_whole);

  size_t n_parts() const override { return parts_.size(); }
  void encode(size_t part) override;
  void append(size_t part, std::vector<int32_t>& ids) override;

 private:
  struct Part {
    std::string_view text;
    std::unique_ptr<const PieceModel::OpenWords> words;  // from `encode` to `append`
  };

  const PieceModel& model_;
  const WordNormalizer& normalizer_;
  ScratchPool& scratches_;
  const std::string_view text_;
  const std::function<void(std::vector<int32_t>&)> append_whole_;
  std::vector<Part> parts_;
  std::atomic<bool> stands_alone_ = true;  // every word so far, and is UTF-8
  // Of who is appending.
  double sum_ = 0;
  size_t n_before_ = 0;  // ids in front of the text's
};

}  // namespace tidemill
