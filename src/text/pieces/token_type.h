// What a token of a SentencePiece vocabulary is; the numbers are those of .model and GGUF files.
#pragma once

#include <cstdint>

namespace tidemill {

enum class TokenType : uint8_t {
  normal = 1,
  unknown = 2,
  control = 3,
  user_defined = 4,
  unused = 5,  // a step of merging that is split again when it is left over
  byte = 6,    // "<0x0A>"
};

}  // namespace tidemill
