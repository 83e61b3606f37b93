// Where sentences end, in text that may go on.  Rules in the manner of UAX #29, "Sentence Boundaries", with what
// abbreviations, numbers and line ends need in practice; scripts that mark no ends (Thai, Lao) have none here.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace tidemill {

class SentenceScanner {
 public:
  // The end of the first sentence of `text`, behind what closes it and before white space; nothing while more text
  // could change it, unless `is_all`.  `text` begins as in the call before, or `restart` was called.  The end is at a
  // character's.
  std::optional<size_t> find_end(std::string_view text, bool is_all);
  void restart() { begin_ = 0; }

 private:
  size_t begin_ = 0;  // no sentence ends before
};

}  // namespace tidemill
