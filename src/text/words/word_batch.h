// Words that are not remembered, on their way through the stages together: what a model does once for all its pieces is
// then not done for each word.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "text/pieces/piece_model.h"

namespace tidemill {

struct WordBatch {
  std::string text;                      // of the words, normalized, one after the other
  std::vector<ByteRange> pieces;         // of `text`
  std::vector<uint16_t> words;           // which of the block each is
  std::vector<uint32_t> piece_ends;      // and how many pieces there are up to its end
  std::vector<int32_t> ids;              // of all pieces
  std::vector<uint32_t> id_pieces;       // and which piece each comes from
  std::vector<ByteRange> pieces_of_one;  // word
  std::vector<int32_t> ids_of_one;

  void clear() {
    text.clear();
    pieces.clear();
    words.clear();
    piece_ends.clear();
    ids.clear();
    id_pieces.clear();
  }
};

}  // namespace tidemill
