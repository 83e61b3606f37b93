#include "text/training/word_symbols.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <utility>

#include "text/pieces/byte_alphabet.h"
#include "text/training/character_ids.h"
#include "text/unicode/code_points.h"
#include "text/unicode/utf8.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr uint32_t kNone = CharacterIds::kNone;

char32_t character_of_byte(size_t byte) {
  return first_character(byte_character(static_cast<uint8_t>(byte))).code_point;
}

// Calls `visit` with the code point of every symbol of `word`.
template <typename Visit>
void for_each_symbol(std::string_view word, SymbolKind kind, Visit&& visit) {
  static const std::array<char32_t, 256> kByteCharacters = [] {
    std::array<char32_t, 256> characters;
    for (size_t byte = 0; byte < characters.size(); ++byte) characters[byte] = character_of_byte(byte);
    return characters;
  }();
  if (kind == SymbolKind::bytes) {
    for (const char byte : word) visit(kByteCharacters[static_cast<uint8_t>(byte)]);
    return;
  }
  while (!word.empty()) {
    const DecodedCharacter next = first_character(word);
    visit(next.code_point);
    word.remove_prefix(next.n_bytes);
  }
}

// The characters to begin with, ascending.
std::u32string alphabet_of(const WordCounts& words, const BpeTrainingOptions& options) {
  std::unordered_map<char32_t, uint64_t> counts;
  for (size_t k = 0; k < words.size(); ++k) {
    const auto count = static_cast<uint64_t>(words.count(k));
    for_each_symbol(words.word(k), options.symbols, [&](char32_t c) { counts[c] += count; });
  }
  for (const char32_t c : options.initial_alphabet) counts[c] = std::numeric_limits<uint64_t>::max();
  std::vector<std::pair<uint64_t, char32_t>> ranked;
  for (const auto& [c, count] : counts) ranked.emplace_back(count, c);
  const size_t n_kept = std::min(ranked.size(), options.limit_alphabet.value_or(ranked.size()));
  // Among equally frequent characters the reference keeps any; here it is the first ones.
  std::sort(ranked.begin(), ranked.end(),
            [](const auto& a, const auto& b) { return a.first != b.first ? a.first > b.first : a.second < b.second; });
  std::u32string alphabet;
  for (size_t k = 0; k < n_kept; ++k) alphabet.push_back(ranked[k].second);
  std::sort(alphabet.begin(), alphabet.end());
  return alphabet;
}

std::string spelled(char32_t c) {
  std::string text;
  append_code_point(text, c);
  return text;
}

// Turns words into ids one by one, and makes tokens of continuing symbols when they first occur.
class SymbolReader {
 public:
  SymbolReader(WordSymbols& out, const BpeTrainingOptions& options) : out_(out), options_(options) {}

  void add_alphabet(const std::u32string& alphabet) {
    for (const char32_t c : alphabet) out_.tokens.add(spelled(c));
    // A special token of one character lets that character in, alphabet or not.
    for (uint32_t id = 0; id < out_.tokens.size(); ++id) {
      const std::string& name = out_.tokens[id];
      if (name.empty()) continue;
      const DecodedCharacter first = first_character(name);
      if (first.n_bytes == name.size()) first_[first.code_point] = id;
    }
  }

  void add_word(std::string_view word, int64_t count) {
    const uint64_t begin = out_.symbols.size();
    bool is_first = true;  // also of the characters that are left out
    for_each_symbol(word, options_.symbols, [&](char32_t c) {
      const uint32_t id = is_first || options_.continuing_prefix.empty() ? first_[c] : continuing(c);
      is_first = false;
      if (id != kNone) out_.symbols.push_back(id);
    });
    const uint64_t size = out_.symbols.size() - begin;
    if (size > 1) {
      out_.words.push_back({begin, count, static_cast<uint32_t>(size)});
    } else {
      out_.symbols.resize(begin);
    }
  }

 private:
  uint32_t continuing(char32_t c) {
    uint32_t& id = continuing_[c];
    if (id == kNone && first_[c] != kNone) id = out_.tokens.add(options_.continuing_prefix + spelled(c));
    return id;
  }

  WordSymbols& out_;
  const BpeTrainingOptions& options_;
  CharacterIds first_;
  CharacterIds continuing_;
};

}  // namespace

uint32_t TokenNames::add(const std::string& name) {
  const auto [place, is_new] = ids_.try_emplace(name, static_cast<uint32_t>(names_.size()));
  if (is_new) names_.push_back(name);
  return place->second;
}

WordSymbols make_word_symbols(const WordCounts& words, const BpeTrainingOptions& options) {
  WordSymbols out;
  for (const std::string& token : options.special_tokens) out.tokens.add(token);
  SymbolReader reader(out, options);
  reader.add_alphabet(alphabet_of(words, options));
  // Ids of continuing symbols depend on the order of the words, so that order must not depend on who counted them.
  for (const uint32_t k : words.sorted()) reader.add_word(words.word(k), words.count(k));
  return out;
}

}  // namespace tidemill
