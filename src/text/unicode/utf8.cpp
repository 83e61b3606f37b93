// One decoder serves all: the allowed range of the second byte depends on the first (table 3-7 of the Unicode
// standard), which rules out overlong forms, surrogates and values past U+10FFFF without looking at the value.
#include "text/unicode/utf8.h"

#include <cstdint>
#include <cstring>

#include "text/unicode/utf8_blocks.h"

namespace tidemill {
namespace {

uint8_t byte_at(std::string_view text, size_t pos) {
  return static_cast<uint8_t>(text[pos]);
}

struct LeadByte {
  size_t n_bytes;                  // of the whole character; 0 when no character starts with this byte
  uint8_t second_min, second_max;  // what may follow it
};

LeadByte lead_byte(uint8_t lead) {
  if (lead < 0x80) return {1, 0, 0};
  if (lead < 0xC2) return {0, 0, 0};
  if (lead < 0xE0) return {2, 0x80, 0xBF};
  if (lead == 0xE0) return {3, 0xA0, 0xBF};
  if (lead == 0xED) return {3, 0x80, 0x9F};
  if (lead < 0xF0) return {3, 0x80, 0xBF};
  if (lead == 0xF0) return {4, 0x90, 0xBF};
  if (lead < 0xF4) return {4, 0x80, 0xBF};
  if (lead == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

// Bytes of ASCII at the start of `text`, counted in whole words of eight where possible.
size_t ascii_prefix(std::string_view text) {
  size_t pos = 0;
  for (; pos + 8 <= text.size(); pos += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + pos, 8);
    if (word & 0x8080808080808080u) break;
  }
  while (pos < text.size() && byte_at(text, pos) < 0x80) ++pos;
  return pos;
}

// Length of the longest valid prefix.
size_t valid_prefix(std::string_view text) {
  size_t pos = valid_utf8_blocks(text);
  while (true) {
    pos += ascii_prefix(text.substr(pos));
    if (pos == text.size()) return pos;
    const Utf8Step step = utf8_step(text.substr(pos));
    if (!step.valid) return pos;
    pos += step.n_bytes;
  }
}

}  // namespace

Utf8Step utf8_step(std::string_view text) {
  const LeadByte lead = lead_byte(byte_at(text, 0));
  if (lead.n_bytes <= 1) return {1, lead.n_bytes == 1};
  uint8_t low = lead.second_min;
  uint8_t high = lead.second_max;
  for (size_t n = 1; n < lead.n_bytes; ++n) {
    if (n == text.size() || byte_at(text, n) < low || byte_at(text, n) > high) return {n, false};
    low = 0x80, high = 0xBF;
  }
  return {lead.n_bytes, true};
}

DecodedCharacter first_character(std::string_view text) {
  const Utf8Step step = utf8_step(text);
  const uint32_t lead = byte_at(text, 0);
  if (!step.valid) return {U'\uFFFD', step.n_bytes};
  if (step.n_bytes == 1) return {lead, 1};
  char32_t code_point = lead & (0x7Fu >> step.n_bytes);
  for (size_t k = 1; k < step.n_bytes; ++k) code_point = code_point << 6 | (byte_at(text, k) & 0x3Fu);
  return {code_point, step.n_bytes};
}

DecodedCharacter last_character(std::string_view text) {
  size_t begin = text.size() - 1;
  while (begin > 0 && text.size() - begin < 4 && (byte_at(text, begin) & 0xC0) == 0x80) --begin;
  const DecodedCharacter last = first_character(text.substr(begin));
  if (begin + last.n_bytes == text.size()) return last;
  return {U'\uFFFD', 1};  // a byte that continues nothing
}

bool is_utf8(std::string_view text) {
  return valid_prefix(text) == text.size();
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (true) {
    const size_t n_valid = valid_prefix(text);
    result.append(text.substr(0, n_valid));
    text.remove_prefix(n_valid);
    if (text.empty()) return result;
    result.append(kReplacementCharacter);
    text.remove_prefix(utf8_step(text).n_bytes);
  }
}

}  // namespace tidemill
