// A text in which all that is not UTF-8 has become U+FFFD, and the way back to the bytes of the original.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tidemill/tokenizer.h"

namespace tidemill {

class RepairedText {
 public:
  // Refers to `original`, which is only copied when something has to be replaced.
  explicit RepairedText(std::string_view original);

  std::string_view text() const { return repairs_.empty() ? original_ : std::string_view(repaired_); }
  // The bytes of the original for bytes of text(); part of a U+FFFD stands for all that it replaced.
  TokenSpan original(TokenSpan span) const;

 private:
  struct Repair {
    size_t at;           // where text() has a U+FFFD
    size_t original_at;  // and where it stands in the original
    size_t n_bytes;      // what it replaced
  };
  int64_t original_position(int64_t position, bool is_end) const;

  std::string_view original_;
  std::string repaired_;
  std::vector<Repair> repairs_;
};

}  // namespace tidemill
