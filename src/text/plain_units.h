// Tokenizers whose tokens are raw bytes: no vocabulary at all, each byte or each character being a token (ByT5,
// CANINE), and the parts they share with RWKV's.
#pragma once

#include <cstdint>
#include <memory>

#include "text/pieces/piece_model.h"
#include "text/token_decoder.h"
#include "tidemill/tokenizer.h"

namespace tidemill {

enum class PlainUnit : uint8_t {
  byte,
  character,  // a code point
};

struct PlainUnitOptions {
  int32_t first_id = 0;  // of byte 0 or U+0000; smaller ids are special tokens without text (ByT5: 3).  At most 2^20
  int32_t stop_id = -1;  // after which generation ends; -1: none (ByT5: 1)
};

// Throws invalid_argument for a first_id out of range.
std::shared_ptr<const Tokenizer> make_plain_tokenizer(PlainUnit unit, const PlainUnitOptions& options);

// For vocabularies whose names are the bytes that tokens stand for: joins them, and replaces what is not UTF-8.
std::unique_ptr<const TokenDecoder> make_raw_decoder();

}  // namespace tidemill
