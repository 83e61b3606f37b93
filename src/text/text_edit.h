// One pass over a NormalizedText that changes some of its characters.
//
// The pass goes from front to back.  As long as characters are kept or replaced by themselves nothing is copied; from
// the first change on a new text is built.  Origins follow Hugging Face's NormalizedString::transform.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/normalized_text.h"

namespace tidemill {

class TextEdit {
 public:
  explicit TextEdit(NormalizedText& text) : text_(text), source_(text.text()) {}

  // What is edited; positions and sizes below are bytes of it, always whole characters.
  std::string_view source() const { return source_; }
  size_t position() const { return position_; }
  // Where the next byte goes in the new text.
  size_t result_position() const { return changed_ ? result_.size() : position_; }

  // Keeps everything up to `end`.
  void keep_until(size_t end);
  // `with` stands for the character at the position, which is passed; it may be longer than one character.
  void replace(std::string_view with);
  // Adds what belongs to the character before the position, dropped or not; at the start of the text, to nothing.
  void insert(std::string_view added);
  // Passes the next bytes without keeping them.
  void drop(size_t n_bytes);

  // Keeps the rest and hands the new text, if there is one, to the NormalizedText.
  void finish();

 private:
  TokenSpan origin_of_byte(size_t pos) const;
  void start_copy();
  void append(std::string_view added, TokenSpan origin);
  void append_origins(size_t begin, size_t end);

  NormalizedText& text_;
  std::string_view source_;
  size_t position_ = 0;
  bool changed_ = false;
  std::string result_;
  std::vector<TokenSpan> origins_;
};

// Replaces the character at the edit's position by one character per byte, in the alphabet of
// text/pieces/byte_alphabet.h.
void spell_character(TextEdit& edit);

}  // namespace tidemill
