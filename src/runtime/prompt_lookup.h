// PromptLookup: guesses that a text goes on as it did where it last read alike (prompt lookup decoding; Saxena 2023).
//
// Good for what repeats: quotations, code that is edited, lists, names.  The text is searched from its end, without an
// index: among 32,768 ids that takes some microseconds, a pass of a model milliseconds.
#pragma once

#include "runtime/drafter.h"

namespace tidemill {

class PromptLookup final : public Drafter {
 public:
  static constexpr int64_t kMostEvidence = 16;     // longer matches are as good
  static constexpr int64_t kSearched = 32 * 1024;  // ids at the end of the text

  // The longest match, of equal ones the latest.
  int64_t evidence(std::span<const int32_t> text) override;
  // A guess may run into itself: what repeats with a period goes on doing so.
  void append_guess(std::vector<int32_t>& text, int64_t n) override;

 private:
  size_t next_ = 0;  // where the text went on
};

}  // namespace tidemill
