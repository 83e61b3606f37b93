// What is done to an Encoding as a whole: cutting, joining and padding, exactly as Hugging Face's Encoding does it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "tidemill/tokenizer.h"

namespace tidemill {

// Appends one token.
struct EncodingToken {
  int32_t id;
  TokenSpan span = {};
  int32_t word_id = -1;
  int32_t type_id = 0;
  int32_t sequence_id = -1;
  bool special = true;   // added by the tokenizer
  bool attended = true;  // not padding
};
void append(Encoding& encoding, const EncodingToken& token);

// Appends the tokens of `other`.  Both sides' overflowing parts are combined, each with each, and parts of both sides
// have parts themselves.
void append(Encoding& encoding, const Encoding& other);

// Keeps at most `max_length` tokens; the rest follows in parts that share `stride` tokens.  Throws invalid_argument
// when parts would not get on, with stride >= max_length.
void truncate(Encoding& encoding, size_t max_length, size_t stride, Side side);
// Both texts of a pair, or the one there is, to `truncation.max_length` tokens together.
void truncate(Encoding& first, Encoding* second, const Truncation& truncation);

// `longest` rounded up, or the length that `padding` fixes.
size_t padded_length(size_t longest, const Padding& padding);
// Pads `encoding` and its overflowing parts to `length`.
void pad(Encoding& encoding, size_t length, const Padding& padding);

}  // namespace tidemill
