#include "text/bpe/character_joints.h"

#include <algorithm>
#include <cstring>

#include "text/pieces/space_symbol.h"
#include "text/unicode/code_points.h"

namespace tidemill {
namespace {

bool continues(char byte) {
  return (static_cast<uint8_t>(byte) & 0xC0) == 0x80;
}

// The bytes of a character as a number.
uint32_t packed(std::string_view character) {
  uint32_t bytes = 0;
  std::memcpy(&bytes, character.data(), std::min(character.size(), sizeof(bytes)));
  return bytes;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; });
}

}  // namespace

CharacterJoints::CharacterJoints(std::span<const std::string_view> tokens, Ascii ascii)
    : ascii_joined_(ascii == Ascii::joined), pairs_(2 * tokens.size()), parts_(size_t{1} << 16) {
  ascii_.fill(ascii_joined_);
  for (const std::string_view token : tokens) {
    if (!ascii_joined_ || !is_ascii(token)) add(token);
  }
}

void CharacterJoints::add(std::string_view token) {
  size_t left = 0;  // where the character before the joint begins, or the token does
  for (size_t joint = 1; joint < token.size(); ++joint) {
    if (are_ascii(token[joint - 1], token[joint])) {
      ascii_[ascii_place(token[joint - 1], token[joint])] = true;
      left = joint;
      continue;
    }
    if (continues(token[joint])) continue;
    const size_t right_size = utf8_size(token[joint]);
    const bool whole =
        !continues(token[left]) && joint - left == utf8_size(token[left]) && joint + right_size <= token.size();
    if (whole) {
      add_pair(token.substr(left, joint - left), token.substr(joint, right_size));
    } else {
      any_parts_ = true;
      parts_[place(token[joint - 1], token[joint])] = true;
    }
    left = joint;
  }
}

// And the same with spaces in place of U+2581.
void CharacterJoints::add_pair(std::string_view left, std::string_view right) {
  static const uint32_t kSpace = packed(kSpaceSymbol);
  pairs_.add(hash_pair(packed(left), packed(right)));
  const bool left_space = packed(left) == kSpace;
  const bool right_space = packed(right) == kSpace;
  if (!left_space && !right_space) return;
  const auto add_spelled = [&](std::string_view a, std::string_view b) {
    if (a.size() == 1 && b.size() == 1) {
      ascii_[ascii_place(a[0], b[0])] = true;
    } else {
      pairs_.add(hash_pair(packed(a), packed(b)));
    }
  };
  if (left_space) add_spelled(" ", right);
  if (right_space) add_spelled(left, " ");
  if (left_space && right_space) add_spelled(" ", " ");
}

size_t CharacterJoints::next_cut(std::string_view text, size_t begin, size_t end) const {
  size_t size = utf8_size(text[begin]);
  uint32_t left = packed(text.substr(begin, size));
  for (size_t pos = begin + size; pos < end; pos += size) {
    size = utf8_size(text[pos]);
    const uint32_t right = packed(text.substr(pos, size));
    const bool joined = are_ascii(text[pos - 1], text[pos])
                            ? ascii_[ascii_place(text[pos - 1], text[pos])]
                            : parts_[place(text[pos - 1], text[pos])] || pairs_.may_hold(hash_pair(left, right));
    if (!joined) return pos;
    left = right;
  }
  return end;
}

}  // namespace tidemill
