// The precompiled character map of SentencePiece: rules that replace short texts by others, such as "ﬁ" by "fi".
//
// A map is a blob: the bytes of a trie as a little-endian number of 32 bits, the trie, and the replacements, each ended
// by a zero byte.  The trie is a Darts double array; its values say where in the replacements a text's own begins.
// Format: github.com/google/sentencepiece, src/normalizer.cc; github.com/s-yata/darts-clone.
//
// Blobs come from files, so that nothing in one is taken for granted: a walk that leaves the trie finds nothing, and so
// does a value that is not the start of a character.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/normalizer.h"

namespace tidemill {

class Charsmap {
 public:
  struct Rule {
    size_t n_bytes;                // of the text that is replaced; 0: no rule
    std::string_view replacement;  // valid UTF-8 in the map
  };

  // The map without rules.
  Charsmap() = default;
  // `where` names file and field in messages.  Throws bad_file for a blob that is too short for its trie, has none, or
  // whose replacements are not UTF-8.
  Charsmap(std::string_view blob, const std::string& where);

  // The rule for the shortest prefix of `text` that has one, which may end inside a character.
  Rule shortest(std::string_view text) const;
  // The rule for the longest prefix of whole characters that has one.
  Rule longest(std::string_view text) const;

  // True when there is a rule for a prefix of `text`, for all of it, or for a longer text that begins so.
  bool begins_rule(std::string_view text) const;
  // False: no rule begins with `byte`.  Before another byte of ASCII: nor with the two.
  bool begins_rule(uint8_t byte) const { return first_[byte] != First::none; }
  bool begins_rule_before_ascii(uint8_t byte) const { return first_[byte] == First::any; }
  // False: all rules that begin with `byte`, which is not 0, are for it alone.
  bool begins_longer_rule(uint8_t byte) const;
  // False: no rule has `byte`, which is not 0, behind its first.
  bool may_go_on_with(uint8_t byte) const;
  // Of characters of up to three bytes: a bit for each that some rule has behind its first; of a map that is not a tree
  // all of them.
  std::vector<uint64_t> later_characters() const;
  // Whether any rule replaces by a text with `part` in it.
  bool replaces_by(std::string_view part) const { return replacements_.find(part) != std::string::npos; }

 private:
  enum class First : uint8_t { none, before_others, any };
  class Walk;

  std::vector<uint32_t> reached() const;
  void add_characters(uint32_t unit, uint8_t lead, std::vector<uint64_t>& characters) const;
  First first_kind(uint8_t byte) const;
  Rule rule(size_t n_bytes, uint32_t value) const;

  std::vector<uint32_t> units_;
  std::string replacements_;
  std::array<First, 256> first_ = {};
};

// The normalizer "Precompiled" of tokenizer.json, as the crate spm_precompiled 0.1.4 has it: a grapheme cluster of less
// than six bytes is replaced as a whole by the rule for its shortest prefix, whatever follows that; in other clusters
// each character is replaced by its own rule.  Throws as Charsmap.
std::unique_ptr<const Normalizer> make_precompiled(std::string_view blob, const std::string& where);

}  // namespace tidemill
