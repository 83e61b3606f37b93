#include "text/sentencepiece/charsmap.h"

#include <algorithm>
#include <utility>

#include "text/unicode/utf8.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr size_t kHeaderBytes = 4;
constexpr size_t kUnitBytes = 4;
constexpr size_t kPlaneSize = 0x10000;  // characters of up to three bytes

uint32_t little_endian(std::string_view bytes) {
  const auto byte = [&](size_t k) { return uint32_t{static_cast<uint8_t>(bytes[k])}; };
  return byte(0) | byte(1) << 8 | byte(2) << 16 | byte(3) << 24;
}

[[noreturn]] void bad_map(const std::string& where, const std::string& why) {
  throw Error(ErrorCode::bad_file, where + ": " + why + "; get the file again from where it was published");
}

bool is_continuation(char byte) {
  return (static_cast<uint8_t>(byte) & 0xC0) == 0x80;
}

// A unit of Darts: a child holds its byte, where its own children are, and whether it ends a key; what the key has lies
// in the child by 0.
bool is_child(uint32_t unit, uint8_t byte) {
  return (unit & (1u << 31 | 0xFF)) == byte;
}
bool ends_key(uint32_t unit) {
  return unit >> 8 & 1;
}
uint32_t offset(uint32_t unit) {
  return (unit >> 10) << ((unit & 1u << 9) >> 6);
}
uint32_t key_value(uint32_t unit) {
  return unit & ~(1u << 31);
}

}  // namespace

// Goes down the trie byte by byte.
class Charsmap::Walk {
 public:
  explicit Walk(const std::vector<uint32_t>& units) : units_(units) {
    if (!units.empty()) at_ = offset(units[0]);
  }

  // False when no rule begins with all bytes so far.
  bool step(uint8_t byte) {
    const uint32_t child = at_ ^ byte;
    if (byte == 0 || child >= units_.size() || !is_child(units_[child], byte)) return false;
    at_ = child ^ offset(units_[child]);
    ends_ = ends_key(units_[child]) && at_ < units_.size();
    return true;
  }
  bool ends() const { return ends_; }
  uint32_t value() const { return key_value(units_[at_]); }

 private:
  const std::vector<uint32_t>& units_;
  uint32_t at_ = 0;
  bool ends_ = false;
};

Charsmap::Charsmap(std::string_view blob, const std::string& where) {
  if (blob.size() < kHeaderBytes) bad_map(where, "it has " + std::to_string(blob.size()) + " bytes, too few for a map");
  const size_t n_units = little_endian(blob) / kUnitBytes;
  blob.remove_prefix(kHeaderBytes);
  if (n_units == 0) bad_map(where, "its trie is empty");
  if (n_units > blob.size() / kUnitBytes) {
    bad_map(where, "its trie has " + std::to_string(n_units) + " units, more than the bytes left, " +
                       std::to_string(blob.size()) + ", can hold");
  }
  units_.reserve(n_units);
  for (size_t k = 0; k < n_units; ++k) units_.push_back(little_endian(blob.substr(k * kUnitBytes)));
  replacements_ = blob.substr(n_units * kUnitBytes);
  if (!is_utf8(replacements_)) bad_map(where, "its replacements are not UTF-8");
  for (size_t byte = 0; byte < first_.size(); ++byte) first_[byte] = first_kind(static_cast<uint8_t>(byte));
}

Charsmap::First Charsmap::first_kind(uint8_t byte) const {
  Walk walk(units_);
  if (!walk.step(byte)) return First::none;
  if (walk.ends()) return First::any;
  for (uint8_t next = 0; next < 0x80; ++next) {
    Walk longer = walk;
    if (longer.step(next)) return First::any;
  }
  return First::before_others;
}

bool Charsmap::begins_longer_rule(uint8_t byte) const {
  Walk walk(units_);
  if (!walk.step(byte)) return false;
  for (uint32_t next = 1; next < 256; ++next) {
    Walk longer = walk;
    if (longer.step(static_cast<uint8_t>(next))) return true;
  }
  return false;
}

// Looks at all units that a walk could step to, whether one does or not: a unit whose label is 0 is none of them.
bool Charsmap::may_go_on_with(uint8_t byte) const {
  for (uint32_t k = 0; k < units_.size(); ++k) {
    const auto label = static_cast<uint8_t>(units_[k]);
    if (label == 0 || !is_child(units_[k], label)) continue;
    const uint32_t child = k ^ offset(units_[k]) ^ byte;
    if (child < units_.size() && is_child(units_[child], byte)) return true;
  }
  return false;
}

// A unit by the first byte of a character begins a rule if it is a child of the root, and any other is behind one.
std::vector<uint64_t> Charsmap::later_characters() const {
  std::vector<uint64_t> characters(kPlaneSize / 64);
  const uint32_t root = units_.empty() ? 0 : offset(units_[0]);
  for (const uint32_t k : reached()) {
    const auto label = static_cast<uint8_t>(units_[k]);
    if (k == 0 ? label != 0 : (k ^ offset(units_[k])) == root) characters.assign(characters.size(), ~uint64_t{0});
    if (k != 0 && (k ^ label) != root && !is_continuation(static_cast<char>(label))) {
      add_characters(k, label, characters);
    }
  }
  return characters;
}

// The root and all units that walks come to, each once, whatever the trie is like.
std::vector<uint32_t> Charsmap::reached() const {
  if (units_.empty()) return {};
  const size_t n_bases = (units_.size() | 0xFF) + 1;
  // Units that are children where a base is, one leading to the next; 0: no more.
  std::vector<uint32_t> first_child(n_bases), next_child(units_.size());
  for (uint32_t k = 1; k < units_.size(); ++k) {
    const auto label = static_cast<uint8_t>(units_[k]);
    if (label != 0 && is_child(units_[k], label)) next_child[k] = std::exchange(first_child[k ^ label], k);
  }
  std::vector<uint32_t> all{0};
  for (size_t n = 0; n < all.size(); ++n) {
    const uint32_t base = all[n] ^ offset(units_[all[n]]);
    if (base >= n_bases) continue;
    for (uint32_t k = std::exchange(first_child[base], 0); k != 0; k = next_child[k]) all.push_back(k);
  }
  return all;
}

// All that begin with `lead`, by which one comes to `unit`.
void Charsmap::add_characters(uint32_t unit, uint8_t lead, std::vector<uint64_t>& characters) const {
  const auto add = [&](uint32_t c) { characters[c / 64] |= uint64_t{1} << c % 64; };
  const auto for_each_next = [&](uint32_t from, const auto& take) {
    for (uint32_t byte = 0x80; byte < 0xC0; ++byte) {
      const uint32_t child = from ^ offset(units_[from]) ^ byte;
      if (child < units_.size() && is_child(units_[child], static_cast<uint8_t>(byte))) take(child, byte & 0x3F);
    }
  };
  if (lead < 0x80) return add(lead);
  if (lead >= 0xF0) return;
  const uint32_t high = lead < 0xE0 ? lead & 0x1Fu : lead & 0x0Fu;
  for_each_next(unit, [&](uint32_t second, uint32_t bits) {
    if (lead < 0xE0) return add(high << 6 | bits);
    for_each_next(second, [&](uint32_t, uint32_t last) { add(high << 12 | bits << 6 | last); });
  });
}

Charsmap::Rule Charsmap::rule(size_t n_bytes, uint32_t value) const {
  if (value > replacements_.size()) return {0, {}};
  const std::string_view tail = std::string_view(replacements_).substr(value);
  if (!tail.empty() && is_continuation(tail[0])) return {0, {}};
  return {n_bytes, tail.substr(0, tail.find('\0'))};
}

Charsmap::Rule Charsmap::shortest(std::string_view text) const {
  Walk walk(units_);
  for (size_t k = 0; k < text.size() && walk.step(static_cast<uint8_t>(text[k])); ++k) {
    if (walk.ends()) return rule(k + 1, walk.value());
  }
  return {0, {}};
}

Charsmap::Rule Charsmap::longest(std::string_view text) const {
  Walk walk(units_);
  Rule found{0, {}};
  for (size_t k = 0; k < text.size() && walk.step(static_cast<uint8_t>(text[k])); ++k) {
    const bool inside_character = k + 1 < text.size() && is_continuation(text[k + 1]);
    if (walk.ends() && !inside_character) found = rule(k + 1, walk.value());
  }
  return found;
}

bool Charsmap::begins_rule(std::string_view text) const {
  Walk walk(units_);
  return std::all_of(text.begin(), text.end(),
                     [&](char byte) { return walk.ends() || walk.step(static_cast<uint8_t>(byte)); });
}

}  // namespace tidemill
