#include "text/pieces/byte_alphabet.h"

#include <array>

namespace tidemill {
namespace {

constexpr uint32_t kFirstOther = 0x100;  // the character of the first byte that does not stand for itself
constexpr uint32_t kEnd = kFirstOther + 68;

constexpr bool stands_for_itself(uint32_t byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Alphabet {
  struct Character {
    char bytes[2] = {};
    uint8_t n_bytes = 0;
  };
  std::array<Character, 256> characters = {};  // by byte
  std::array<int16_t, kEnd> bytes = {};        // by code point; -1: not in the alphabet
};

constexpr Alphabet make_alphabet() {
  Alphabet alphabet;
  for (int16_t& byte : alphabet.bytes) byte = -1;
  uint32_t next_other = kFirstOther;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const uint32_t c = stands_for_itself(byte) ? byte : next_other++;
    alphabet.bytes[c] = static_cast<int16_t>(byte);
    auto& character = alphabet.characters[byte];
    if (c < 0x80) {
      character.bytes[0] = static_cast<char>(c);
      character.n_bytes = 1;
    } else {
      character.bytes[0] = static_cast<char>(0xC0 | c >> 6);
      character.bytes[1] = static_cast<char>(0x80 | (c & 0x3F));
      character.n_bytes = 2;
    }
  }
  return alphabet;
}

constexpr Alphabet kAlphabet = make_alphabet();

// The byte that the character at the start of `spelling` stands for, and how long that character is; -1: none.
int byte_at(std::string_view spelling, size_t& n_bytes) {
  const auto lead = static_cast<uint8_t>(spelling[0]);
  n_bytes = 1;
  if (lead < 0x80) return kAlphabet.bytes[lead];
  if ((lead & 0xE0) != 0xC0 || spelling.size() < 2) return -1;
  n_bytes = 2;
  const uint32_t c = (lead & 0x1Fu) << 6 | (static_cast<uint8_t>(spelling[1]) & 0x3Fu);
  return c < kEnd ? kAlphabet.bytes[c] : -1;
}

}  // namespace

std::string_view byte_character(uint8_t byte) {
  return {kAlphabet.characters[byte].bytes, kAlphabet.characters[byte].n_bytes};
}

std::string spell_bytes(std::string_view bytes) {
  std::string spelling;
  for (const char byte : bytes) spelling += byte_character(static_cast<uint8_t>(byte));
  return spelling;
}

bool append_spelled_bytes(std::string_view spelling, std::string& bytes) {
  const size_t n_before = bytes.size();
  while (!spelling.empty()) {
    size_t n_bytes;
    const int byte = byte_at(spelling, n_bytes);
    if (byte < 0) {
      bytes.resize(n_before);
      return false;
    }
    bytes += static_cast<char>(byte);
    spelling.remove_prefix(n_bytes);
  }
  return true;
}

}  // namespace tidemill
