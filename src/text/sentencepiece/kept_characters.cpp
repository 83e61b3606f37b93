#include "text/sentencepiece/kept_characters.h"

namespace tidemill {
namespace {

constexpr size_t kPlaneSize = 0x10000;

}  // namespace

KeptCharacters::KeptCharacters(const Charsmap& map, const ByteTrie& user_defined)
    : plane_(kPlaneSize / 64), together_(map.later_characters()) {
  for (uint64_t& word : together_) word = ~word;
  const auto is_touched = [&](std::string_view bytes) {
    ByteTrie::Node node = ByteTrie::kRoot;
    return map.begins_rule(bytes) || user_defined.walk(node, bytes);
  };
  for (size_t byte = 0; byte < by_first_byte_.size(); ++byte) {
    const auto lead = static_cast<uint8_t>(byte);
    const char as_char = static_cast<char>(lead);
    ByteTrie::Node node = ByteTrie::kRoot;
    if (!user_defined.step(node, lead) && !map.begins_rule_before_ascii(lead)) {
      // Before ASCII says something of a byte that is a character only.
      const bool by_itself = !map.begins_rule(lead);
      if (by_itself || lead < 0x80) by_first_byte_[byte] = by_itself ? Kept::always : Kept::before_ascii;
    }
    if (lead >= 0x80 || by_first_byte_[byte] == Kept::not_sure) others_.add(as_char);
  }
  for (char32_t c = 0; c < kPlaneSize; ++c) {
    const Utf8Character character(c);
    const std::string_view bytes = character;
    const size_t n_sharing = 64;  // characters that differ in their last byte only
    if (c % n_sharing == 0 && c >= 0x80 && !is_touched(bytes.substr(0, bytes.size() - 1))) {
      plane_[c / 64] = ~uint64_t{0};
      c += n_sharing - 1;
    } else if (!is_touched(bytes)) {
      plane_[c / 64] |= uint64_t{1} << c % 64;
    } else if (ByteTrie::Node node = ByteTrie::kRoot;
               map.longest(bytes).n_bytes > 0 || user_defined.walk(node, bytes)) {
      together_[c / 64] &= ~(uint64_t{1} << c % 64);
    }
  }
  keeps_plain_ascii_ = true;
  for (char32_t c = ' '; c < 0x7F; ++c) keeps_plain_ascii_ &= has(together_, c);
}

}  // namespace tidemill
