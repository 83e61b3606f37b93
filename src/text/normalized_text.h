// A text on its way through normalizers and pre-tokenizers, and where each of its bytes comes from.
//
// Edits follow Hugging Face's NormalizedString, so that offsets come out equal: every character of the new text says
// how many characters of the old one it replaces, and what is inserted belongs to the character before it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/pieces/piece_model.h"
#include "tidemill/tokenizer.h"

namespace tidemill {

// One at a time per thread.  Refers to the original text until the first edit, which makes the only copy.
class NormalizedText {
 public:
  enum class Track : uint8_t { no, origins };

  // `original`: valid UTF-8 of less than 1 GiB that outlives this; `at`: where it begins in the caller's text.
  NormalizedText(std::string_view original, Track track, size_t at = 0);
  // text() may point into the object itself: it stays where it is.
  NormalizedText(const NormalizedText&) = delete;
  NormalizedText& operator=(const NormalizedText&) = delete;

  std::string_view text() const { return text_; }
  bool tracked() const { return track_ == Track::origins; }

  // Bytes of the caller's text that [begin, end) of text() stands for.  Only when tracked.
  TokenSpan origin(ByteRange range) const;

  // Replaces the whole text: `text` is the new one and `origins`, one per byte of it and empty when not tracked, says
  // which bytes of the caller's text each stands for.
  void assign(std::string text, std::vector<TokenSpan> origins);
  // The origin of every byte; empty while nothing was edited (byte k is then at + k) or when not tracked.
  std::span<const TokenSpan> origins() const { return origins_; }
  size_t at() const { return at_; }

 private:
  std::string_view text_;
  std::string owned_;
  std::vector<TokenSpan> origins_;
  size_t at_;
  Track track_;
};

}  // namespace tidemill
