// StopMatcher: ends a text before the stop string that is complete first, also one that arrives in pieces.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tidemill {

class StopMatcher {
 public:
  // Empty stop strings are ignored.
  explicit StopMatcher(std::vector<std::string> stops);

  // Takes the next piece of text and returns what may be shown: everything that cannot be part of a stop string any
  // more.  Once stopped() returns nothing.
  std::string push(std::string_view piece);
  // What was held back, when the text ended without a stop string.
  std::string finish();
  bool stopped() const { return !found_.empty(); }
  // The stop string that ended the text; empty when none has.
  const std::string& found() const { return found_; }

 private:
  std::vector<std::string> stops_;
  std::string held_;
  std::string found_;
};

}  // namespace tidemill
