// Places where a text can be cut before BPE without changing the result: where no token that merging makes reaches
// across.  A model that takes a whole text as one piece (SentencePiece) then works on words, which come back.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "text/bpe/character_joints.h"
#include "text/pieces/piece_model.h"

namespace tidemill {

class BpeCuts {
 public:
  // `tokens`: all that merging can make.
  explicit BpeCuts(std::span<const std::string_view> tokens);

  // Appends words of [begin, end) of the valid UTF-8 `text` until there are `max_words` new ones or the range ends;
  // returns where to go on.  Most words begin with U+2581; stretches without it are cut between characters that stand
  // side by side in no token.
  size_t cut(std::string_view text, size_t begin, size_t end, size_t max_words, std::vector<ByteRange>& words) const;

  // Whether some token has U+2581 behind anything.
  bool joins_spaces() const { return std::find(joins_space_.begin(), joins_space_.end(), true) != joins_space_.end(); }

  // By which the words that `cut` finds can be cut again.
  const CharacterJoints& joints() const { return joints_; }

 private:
  // Where a word that begins at `begin` ends before a space nearby; 0 when that is not seen.
  size_t near_end(std::string_view text, size_t begin, size_t end) const;
  // The same where the range ends nearby; `end` when no space comes before.
  size_t last_end(std::string_view text, size_t begin, size_t end) const;

  std::array<bool, 256> joins_space_{};  // bytes that some token has before U+2581
  CharacterJoints joints_;
};

}  // namespace tidemill
