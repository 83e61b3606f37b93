#include "text/bpe/character_joints.h"

#include <algorithm>
#include <bit>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "text/bpe/character_joints.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

#include "text/pieces/space_symbol.h"
#include "text/pieces/token_windows-inl.h"
#include "text/unicode/code_points.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

constexpr uint32_t kSpaceCharacter = 0x8196E2;  // kSpaceSymbol

// Where U+2581 begins.
HWY_INLINE uint64_t space_symbols(const uint8_t* bytes) {
  return bytes_equal_to(bytes, kSpaceSymbol[0]) & bytes_equal_to(bytes + 1, kSpaceSymbol[1]) &
         bytes_equal_to(bytes + 2, kSpaceSymbol[2]);
}

HWY_INLINE uint32_t spaced_character_at(const uint8_t* at) {
  const uint32_t character = character_at(at);
  return character == kSpaceCharacter ? uint32_t{' '} : character;
}

// Calls visit(k) for each bit k.
template <typename Visit>
HWY_INLINE void for_each_bit(uint64_t bits, const Visit& visit) {
  for (; bits != 0; bits &= bits - 1) visit(static_cast<std::ptrdiff_t>(std::countr_zero(bits)));
}

// Of tokens that are whole characters.
void add_joints(const TokenStrings& tokens, CharacterJoints::Tables& tables) {
  const HashFilter::Adder pairs = tables.pairs.adder();
  uint8_t* const ascii = tables.ascii.data();
  uint8_t* const before_space = tables.before_space.data();
  for_each_window(tokens, [=](const uint8_t* bytes, uint64_t begins, size_t size) HWY_ATTR {
    const uint64_t leads = lead_bytes(bytes);
    const uint64_t inside = size < kWindow ? (uint64_t{1} << size) - 1 : ~uint64_t{0};
    const uint64_t joints = leads & inside & ~begins;
    const uint64_t spaces = space_symbols(bytes);
    for_each_bit(joints & spaces, [=](std::ptrdiff_t k) { before_space[bytes[k - 1]] = 1; });
    // Spaces beside ASCII are most of what is left to do.
    const uint64_t behind_ascii = ~bytes_beyond_ascii(bytes - 1) | space_symbols(bytes - kSpaceSymbol.size());
    const uint64_t of_ascii = joints & behind_ascii & (~bytes_beyond_ascii(bytes) | spaces);
    for_each_bit(of_ascii, [=](std::ptrdiff_t k) {
      const size_t left = bytes[k - 1] < 0x80 ? bytes[k - 1] : uint8_t{' '};
      const size_t right = bytes[k] < 0x80 ? bytes[k] : uint8_t{' '};
      ascii[left << 7 | right] = 1;
    });
    std::ptrdiff_t before = -1;  // the first byte of the character that ends before the window
    while (before > -4 && (bytes[before] & 0xC0) == 0x80) --before;
    for_each_bit(joints & ~of_ascii, [=](std::ptrdiff_t k) {
      const uint64_t leads_before = leads & ((uint64_t{1} << k) - 1);
      const std::ptrdiff_t left = leads_before == 0 ? before : 63 - std::countl_zero(leads_before);
      pairs.add(CharacterJoints::hash_pair(spaced_character_at(bytes + left), spaced_character_at(bytes + k)));
    });
  });
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {
namespace {

HWY_EXPORT(add_joints);

bool are_ascii(char left, char right) {
  return ((left | right) & 0x80) == 0;
}

bool continues(char byte) {
  return (static_cast<uint8_t>(byte) & 0xC0) == 0x80;
}

// The bytes of a character as a number; U+2581 is a space.
uint32_t packed(std::string_view character) {
  if (character == kSpaceSymbol) return ' ';
  uint32_t bytes = 0;
  std::memcpy(&bytes, character.data(), std::min(character.size(), sizeof(bytes)));
  return bytes;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; });
}

}  // namespace

CharacterJoints::CharacterJoints(const TokenStrings& tokens, Ascii ascii)
    : ascii_joined_(ascii == Ascii::joined), parts_(size_t{1} << 16) {
  tables_.ascii.fill(ascii_joined_);
  tables_.before_space.fill(0);
  tables_.pairs = HashFilter(2 * static_cast<size_t>(tokens.size()));
  if (!ascii_joined_ && are_utf8(tokens)) {
    HWY_DYNAMIC_DISPATCH(add_joints)(tokens, tables_);
    return;
  }
  for (int32_t id = 0; id < tokens.size(); ++id) {
    if (!ascii_joined_ || !is_ascii(tokens[id])) add(tokens[id]);
  }
}

void CharacterJoints::add(std::string_view token) {
  size_t left = 0;  // where the character before the joint begins, or the token does
  for (size_t joint = 1; joint < token.size(); ++joint) {
    if (are_ascii(token[joint - 1], token[joint])) {
      tables_.ascii[ascii_place(token[joint - 1], token[joint])] = 1;
      left = joint;
      continue;
    }
    if (continues(token[joint])) continue;
    const size_t right_size = utf8_size(token[joint]);
    const bool whole =
        !continues(token[left]) && joint - left == utf8_size(token[left]) && joint + right_size <= token.size();
    if (whole) {
      const std::string_view right = token.substr(joint, right_size);
      add_pair(packed(token.substr(left, joint - left)), packed(right));
      if (right == kSpaceSymbol) tables_.before_space[static_cast<uint8_t>(token[joint - 1])] = 1;
    } else {
      any_parts_ = true;
      parts_[place(token[joint - 1], token[joint])] = true;
    }
    left = joint;
  }
}

void CharacterJoints::add_pair(uint32_t left, uint32_t right) {
  if ((left | right) < 0x80) {
    tables_.ascii[ascii_place(static_cast<char>(left), static_cast<char>(right))] = 1;
  } else {
    tables_.pairs.add(hash_pair(left, right));
  }
}

size_t CharacterJoints::next_cut(std::string_view text, size_t begin, size_t end) const {
  size_t size = utf8_size(text[begin]);
  uint32_t left = packed(text.substr(begin, size));
  for (size_t pos = begin + size; pos < end; pos += size) {
    size = utf8_size(text[pos]);
    const uint32_t right = packed(text.substr(pos, size));
    const bool joined = (left | right) < 0x80 ? joins_ascii(static_cast<char>(left), static_cast<char>(right))
                                              : tables_.pairs.may_hold(hash_pair(left, right));
    if (!joined && !parts_[place(text[pos - 1], text[pos])]) return pos;
    left = right;
  }
  return end;
}

}  // namespace tidemill

#endif
