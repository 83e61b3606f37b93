#include "text/bpe/bpe_symbols.h"

#include <algorithm>
#include <numeric>

#include "text/unicode/utf8.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr uint32_t kLastCodePoint = 0x10FFFF;
constexpr uint32_t kSpaceCodePoint = 0x2581;  // kSpaceSymbol

// The code point at the start of `text`, which begins with a whole character.
uint32_t code_point(std::string_view text) {
  const auto byte = [&](size_t k) { return uint32_t{static_cast<uint8_t>(text[k])}; };
  const uint32_t lead = byte(0);
  if (lead < 0x80) return lead;
  if (lead < 0xE0) return (lead & 0x1F) << 6 | (byte(1) & 0x3F);
  if (lead < 0xF0) return (lead & 0xF) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
  return (lead & 7) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
}

size_t character_size(char lead) {
  const auto byte = static_cast<uint8_t>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

}  // namespace

// The unknown characters met last, which wait for further ones to share their token with.
class BpeSymbols::Unknown {
 public:
  Unknown(const BpeSymbols& symbols, BpeWord& word) : symbols_(symbols), word_(word) {}

  void add(size_t n_bytes) {
    if (symbols_.unknown_ < 0) return;
    if (!symbols_.fuse_unknown_) flush();
    n_bytes_ += static_cast<uint32_t>(n_bytes);
  }
  void flush() {
    if (n_bytes_ > 0) word_.add(symbols_.unknown_, n_bytes_);
    n_bytes_ = 0;
  }

 private:
  const BpeSymbols& symbols_;
  BpeWord& word_;
  uint32_t n_bytes_ = 0;
};

BpeSymbols::CharacterIds::CharacterIds() : pages((kLastCodePoint >> 8) + 1, 0), ids(1) {
  ids[0].fill(-1);
}

void BpeSymbols::CharacterIds::set(uint32_t c, int32_t id) {
  uint16_t& page = pages[c >> 8];
  if (page == 0) {
    page = static_cast<uint16_t>(ids.size());
    ids.push_back(ids[0]);
  }
  ids[page][c & 255] = id;
}

BpeSymbols::BpeSymbols(const BpeVocab& vocab, const TokenIndex& index, const TokenStrings& texts,
                       const std::string& source)
    : byte_symbols_(vocab.byte_symbols),
      fuse_unknown_(vocab.fuse_unknown),
      has_affixes_(!vocab.continuing_prefix.empty() || !vocab.end_suffix.empty()),
      continuing_prefix_(vocab.continuing_prefix),
      end_suffix_(vocab.end_suffix),
      ids_(has_affixes_ ? 4 : 1) {
  find_characters(vocab, texts);
  if (vocab.raw) ids_[0].set(U' ', ids_[0][kSpaceCodePoint]);
  if (vocab.byte_fallback && !byte_symbols_) find_byte_ids(index);
  find_unknown(vocab, index, source);
}

void BpeSymbols::find_characters(const BpeVocab& vocab, const TokenStrings& texts) {
  for (int32_t id = 0; id < texts.size(); ++id) {
    if (!vocab.mergeable.empty() && vocab.mergeable[static_cast<size_t>(id)] == 0) continue;
    for (size_t variant = 0; variant < ids_.size(); ++variant) {
      const std::string_view prefix = variant & 1 ? std::string_view(continuing_prefix_) : std::string_view();
      const std::string_view suffix = variant & 2 ? std::string_view(end_suffix_) : std::string_view();
      std::string_view symbol = texts[id];
      if (symbol.size() > prefix.size() + suffix.size() + 4) continue;  // more than one character
      if (symbol.size() <= prefix.size() + suffix.size() || !symbol.starts_with(prefix) || !symbol.ends_with(suffix)) {
        continue;
      }
      symbol = symbol.substr(prefix.size(), symbol.size() - prefix.size() - suffix.size());
      if (byte_symbols_) {
        if (symbol.size() == 1) ids_[variant].set(static_cast<uint8_t>(symbol[0]), id);
        continue;
      }
      const Utf8Step step = utf8_step(symbol);
      if (step.valid && step.n_bytes == symbol.size()) ids_[variant].set(code_point(symbol), id);
    }
  }
}

void BpeSymbols::find_byte_ids(const TokenIndex& index) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (size_t byte = 0; byte < byte_ids_.size(); ++byte) {
    byte_ids_[byte] = index.find(std::string("<0x") + kDigits[byte >> 4] + kDigits[byte & 15] + '>');
    byte_fallback_ |= byte_ids_[byte] >= 0;
  }
}

void BpeSymbols::find_unknown(const BpeVocab& vocab, const TokenIndex& index, const std::string& source) {
  if (vocab.unknown.empty()) return;
  unknown_ = index.find(vocab.unknown);
  if (unknown_ >= 0) return;
  // Never needed where every byte is a token.
  const auto has_all_bytes = [](const CharacterIds& ids) {
    return std::find(ids.ids.back().begin(), ids.ids.back().end(), -1) == ids.ids.back().end();
  };
  if (byte_symbols_ && std::all_of(ids_.begin(), ids_.end(), has_all_bytes)) return;
  throw Error(ErrorCode::bad_file, source + ": the unknown token '" + std::string(vocab.unknown) +
                                       "' is not in the vocabulary; get the file again from where it was published");
}

bool BpeSymbols::are_local() const {
  if (has_affixes_) return false;
  const bool always_bytes = byte_fallback_ && std::find(byte_ids_.begin(), byte_ids_.end(), -1) == byte_ids_.end();
  // A waiting unknown token may be joined by the next character, or stand behind the bytes of a later one; and what is
  // dropped moves all that follows.
  return always_bytes || (unknown_ >= 0 && !fuse_unknown_ && !byte_fallback_);
}

std::vector<uint32_t> BpeSymbols::sizes(const TokenStrings& texts) const {
  std::vector<uint32_t> sizes;
  if (has_affixes_) return sizes;
  sizes.resize(static_cast<size_t>(texts.size()));
  // Of each string the end but the beginning.
  std::adjacent_difference(texts.ends().begin(), texts.ends().end(), sizes.begin());
  for (size_t byte = 0; byte_fallback_ && byte < byte_ids_.size(); ++byte) {
    if (byte_ids_[byte] >= 0) sizes[byte_ids_[byte]] = 1;
  }
  if (unknown_ >= 0) sizes[unknown_] = 0;
  return sizes;
}

std::vector<uint32_t> BpeSymbols::ids() const {
  std::vector<uint32_t> found;
  if (has_affixes_) return found;
  for (const auto& page : ids_[0].ids) {
    for (const int32_t id : page) {
      if (id >= 0) found.push_back(static_cast<uint32_t>(id));
    }
  }
  for (const uint32_t id : byte_token_ids()) found.push_back(id);
  return found;
}

std::vector<uint32_t> BpeSymbols::byte_token_ids() const {
  std::vector<uint32_t> found;
  if (!byte_fallback_) return found;
  for (const int32_t id : byte_ids_) {
    if (id >= 0) found.push_back(static_cast<uint32_t>(id));
  }
  return found;
}

std::vector<uint32_t> BpeSymbols::plain_bytes() const {
  std::vector<uint32_t> ids;
  if (!byte_symbols_ || has_affixes_) return ids;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    if (ids_[0][byte] < 0) return {};
    ids.push_back(static_cast<uint32_t>(ids_[0][byte]));
  }
  return ids;
}

void BpeSymbols::start(std::string_view piece, BpeWord& word) const {
  word.clear();
  Unknown unknown(*this, word);
  for (size_t pos = 0; pos < piece.size();) {
    const size_t size = byte_symbols_ ? 1 : character_size(piece[pos]);
    const bool is_first = pos == 0;
    const bool is_last = pos + size == piece.size();
    const std::string_view character = piece.substr(pos, size);
    const size_t variant = has_affixes_ ? size_t{!is_first} + 2 * size_t{is_last} : 0;
    const int32_t id = ids_[variant][byte_symbols_ ? static_cast<uint8_t>(piece[pos]) : code_point(character)];
    pos += size;
    if (id >= 0) {
      unknown.flush();
      word.add(id, static_cast<uint32_t>(size));
    } else if (!byte_fallback_ || !add_bytes(character, is_first, is_last, word)) {
      unknown.add(size);
    }
  }
  unknown.flush();
}

// The tokens of all bytes of a character that is none; false when one of them is missing.
bool BpeSymbols::add_bytes(std::string_view character, bool is_first, bool is_last, BpeWord& word) const {
  const std::string_view prefix = is_first ? std::string_view() : std::string_view(continuing_prefix_);
  const std::string_view suffix = is_last ? std::string_view(end_suffix_) : std::string_view();
  const std::array<std::string_view, 3> parts = {prefix, character, suffix};
  const auto missing = [&](char byte) { return byte_ids_[static_cast<uint8_t>(byte)] < 0; };
  for (const std::string_view part : parts) {
    if (std::any_of(part.begin(), part.end(), missing)) return false;
  }
  for (const std::string_view part : parts) {
    for (const char byte : part) word.add(byte_ids_[static_cast<uint8_t>(byte)], 1);
  }
  return true;
}

}  // namespace tidemill
