// Cuts a text into pieces, front to back, without changing it: the split patterns of byte-level BPE.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "text/pieces/piece_model.h"

namespace tidemill {

// Immutable; any number of threads may call it.
class Splitter {
 public:
  virtual ~Splitter() = default;

  // Appends pieces of `text`, valid UTF-8, from byte `from` on, until there are `max_pieces` new ones or the text ends;
  // `from` is 0 or what an earlier call returned.  Pieces are not empty and ascend; they cover all of the text but what
  // a pre-tokenizer drops (white space).  A few more pieces may come at once.  Returns where to go on, the text's size
  // at its end.
  virtual size_t split(std::string_view text, size_t from, size_t max_pieces, std::vector<ByteRange>& pieces) const = 0;
};

}  // namespace tidemill
