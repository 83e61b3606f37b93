// A set of characters, to ask a whole vocabulary for others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "text/pieces/byte_set.h"
#include "text/pieces/token_table.h"

namespace tidemill {

class KnownCharacters {
 public:
  // `character`: the UTF-8 of one.
  void add(std::string_view character);
  bool hold(char32_t c) const { return (words_[c >> 6] >> (c & 63) & 1) != 0; }

  // The ids, ascending, of those of the `tokens`, which are UTF-8, that have characters which are not in the set.
  std::vector<int32_t> misspelled(const TokenStrings& tokens) const;

  // What four bytes in a row can be read as.
  static constexpr size_t kEnd = size_t{1} << 21;

 private:
  std::vector<uint64_t> words_ = std::vector<uint64_t>(kEnd / 64);
  ByteSet ascii_;
};

}  // namespace tidemill
