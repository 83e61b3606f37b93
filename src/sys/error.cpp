// Error codes as text and exit status, and messages made safe for a terminal or a log line.
#include "tidemill/error.h"

#include <cstdint>
#include <string_view>

namespace tidemill {
namespace {

constexpr std::string_view kEllipsis = "\u2026";

// Length in bytes of the well-formed UTF-8 character at the start of `text` (RFC 3629: no overlong forms, surrogates
// or values past U+10FFFF) and its code point; length 0 when there is none.
struct Character {
  size_t length;
  uint32_t code_point;
};

Character decode_utf8(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {1, lead};
  size_t length = 0;
  uint32_t smallest = 0;  // below it the character has a shorter form
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2, smallest = 0x80;
  } else if ((lead & 0xF0) == 0xE0) {
    length = 3, smallest = 0x800;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4, smallest = 0x10000;
  } else {
    return {0, 0};
  }
  if (text.size() < length) return {0, 0};
  uint32_t code_point = lead & (0xFF >> (length + 1));
  for (size_t k = 1; k < length; ++k) {
    const auto byte = static_cast<unsigned char>(text[k]);
    if ((byte & 0xC0) != 0x80) return {0, 0};
    code_point = code_point << 6 | (byte & 0x3F);
  }
  const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
  if (code_point < smallest || surrogate || code_point > 0x10FFFF) return {0, 0};
  return {length, code_point};
}

// Characters that move a terminal's cursor, end a log line or reorder the text around them (Unicode's line and
// paragraph separators and bidirectional controls): a file name could otherwise forge a message.
bool is_control(uint32_t code_point) {
  return code_point < 0x20 || (code_point >= 0x7F && code_point <= 0x9F) || code_point == 0x61C ||
         code_point == 0x200E || code_point == 0x200F || (code_point >= 0x2028 && code_point <= 0x202E) ||
         (code_point >= 0x2066 && code_point <= 0x2069);
}

}  // namespace

const char* to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
      return "invalid_argument";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::bad_file:
      return "bad_file";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::out_of_memory:
      return "out_of_memory";
    case ErrorCode::context_full:
      return "context_full";
    case ErrorCode::queue_full:
      return "queue_full";
    case ErrorCode::cancelled:
      return "cancelled";
    case ErrorCode::io:
      return "io";
    case ErrorCode::internal:
      return "internal";
  }
  return "internal";
}

int exit_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
      return 2;
    case ErrorCode::not_found:
    case ErrorCode::bad_file:
    case ErrorCode::unsupported:
      return 3;
    case ErrorCode::out_of_memory:
      return 4;
    case ErrorCode::cancelled:
      return 130;
    case ErrorCode::context_full:
    case ErrorCode::queue_full:
    case ErrorCode::io:
    case ErrorCode::internal:
      return 1;
  }
  return 1;
}

std::string printable(const std::string& message, size_t max_bytes) {
  std::string result;
  size_t cut = 0;  // the longest prefix of `result` that leaves room for an ellipsis
  for (size_t pos = 0; pos < message.size();) {
    const std::string_view rest = std::string_view(message).substr(pos);
    const Character character = decode_utf8(rest);
    const bool shown = character.length > 0 && !is_control(character.code_point);
    const std::string_view piece = shown ? rest.substr(0, character.length) : std::string_view("?");
    if (result.size() + piece.size() > max_bytes) {
      result.resize(cut);
      if (max_bytes >= kEllipsis.size()) result += kEllipsis;
      return result;
    }
    result += piece;
    if (result.size() + kEllipsis.size() <= max_bytes) cut = result.size();
    pos += character.length > 0 ? character.length : 1;
  }
  return result;
}

}  // namespace tidemill
