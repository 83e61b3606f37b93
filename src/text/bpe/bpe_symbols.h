// What a piece begins as, before any merging: one symbol per byte or character.
//
// The rules are those of Hugging Face's models.BPE, also where they are odd: an unknown character without an unknown
// token is dropped and what follows moves up, and a waiting unknown token comes after the bytes of a later character.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/bpe/bpe.h"
#include "text/bpe/bpe_word.h"
#include "text/pieces/token_table.h"

namespace tidemill {

class BpeSymbols {
 public:
  // `index` is that of the names; `texts`: id -> what a text spells.
  BpeSymbols(const BpeVocab& vocab, const TokenIndex& index, const TokenStrings& texts, const std::string& source);

  // True when the symbols of a character do not depend on what stands beside it.
  bool are_local() const;
  // True when a space of a raw text, which is U+2581, is a symbol.
  bool read_spaces() const { return ids_[0][U' '] >= 0; }
  // id -> how many bytes of a text the token always stands for, given its own text; 0 where that differs from place to
  // place.  Empty where prefixes or suffixes decide.
  std::vector<uint32_t> sizes(const TokenStrings& texts) const;
  // The tokens that are symbols; empty where prefixes or suffixes decide.
  std::vector<uint32_t> ids() const;
  // The tokens of byte fallback, of which no text spells the names.
  std::vector<uint32_t> byte_token_ids() const;
  // byte -> id where a piece is just the tokens of its bytes, each of which has one; else empty.
  std::vector<uint32_t> plain_bytes() const;

  // Replaces what `word` holds by the symbols of `piece`.
  void start(std::string_view piece, BpeWord& word) const;

 private:
  class Unknown;

  // Code point or byte -> id, -1 where there is none; in pages of 256, of which those without tokens share the first.
  struct CharacterIds {
    std::vector<uint16_t> pages;
    std::vector<std::array<int32_t, 256>> ids;

    CharacterIds();
    int32_t operator[](uint32_t c) const { return ids[pages[c >> 8]][c & 255]; }
    void set(uint32_t c, int32_t id);
  };

  void find_characters(const BpeVocab& vocab, const TokenStrings& texts);
  void find_byte_ids(const TokenIndex& index);
  void find_unknown(const BpeVocab& vocab, const TokenIndex& index, const std::string& source);
  bool add_bytes(std::string_view character, bool is_first, bool is_last, BpeWord& word) const;

  bool byte_symbols_;
  bool byte_fallback_ = false;
  bool fuse_unknown_;
  bool has_affixes_;
  std::string continuing_prefix_, end_suffix_;
  int32_t unknown_ = -1;
  std::array<int32_t, 256> byte_ids_;
  // By whether the symbol is not the first (1) and whether it is the last (2); one for all without prefix and suffix.
  std::vector<CharacterIds> ids_;
};

}  // namespace tidemill
