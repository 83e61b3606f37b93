// Places where a text can be cut before BPE without changing the result: where no token that merging makes reaches
// across.  A model that takes a whole text as one piece (SentencePiece) then works on words, which come back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "text/bpe/character_joints.h"
#include "text/pieces/piece_model.h"
#include "text/pieces/token_table.h"

namespace tidemill {

class BpeCuts {
 public:
  // `tokens`: all that merging can make.
  explicit BpeCuts(const TokenStrings& tokens) : joints_(tokens, CharacterJoints::Ascii::by_token) {}

  // Appends words of [begin, end) of the valid UTF-8 `text` until there are `max_words` new ones or the range ends;
  // returns where to go on.  Most words begin with U+2581; stretches without it are cut between characters that stand
  // side by side in no token.
  size_t cut(std::string_view text, size_t begin, size_t end, size_t max_words, std::vector<ByteRange>& words) const;

  // Whether some token has U+2581 behind anything.
  bool joins_spaces() const { return joints_.joins_spaces(); }

  // By which the words that `cut` finds can be cut again.
  const CharacterJoints& joints() const { return joints_; }

 private:
  // Where a word that begins at `begin` ends before a space nearby; 0 when that is not seen.
  size_t near_end(std::string_view text, size_t begin, size_t end) const;
  // The same where the range ends nearby; `end` when no space comes before.
  size_t last_end(std::string_view text, size_t begin, size_t end) const;

  CharacterJoints joints_;
};

}  // namespace tidemill
