// The pieces of a SentencePiece vocabulary by id and by name.
#pragma once

#include <cstdint>
#include <string_view>

#include "sys/huge_pages.h"
#include "text/pieces/byte_trie.h"
#include "text/pieces/token_table.h"
#include "text/sentencepiece/sentencepiece_proto.h"

namespace tidemill {

// By id; views of what `proto` refers to.
HugeVector<std::string_view> names_of(const SentencePieceProto& proto);

// Holds copies.
class PieceNames {
 public:
  explicit PieceNames(const SentencePieceProto& proto);

  int32_t size() const { return names_.size(); }
  std::string_view name(int32_t id) const { return names_[id]; }
  // -1: none.  A name that is both special and found in a text is the special one.
  int32_t id(std::string_view name) const {
    const int32_t other = others_.find(name);
    return other >= 0 ? other : found_.find(name);
  }
  // The normal or user-defined piece that a part of a text becomes; -1: unknown.
  int32_t encoded(std::string_view part) const { return found_.find(part); }

 private:
  TokenStrings names_;
  ByteTrie found_, others_;
};

}  // namespace tidemill
