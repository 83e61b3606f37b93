// MarkedText: text up to a marker.  What might be the marker's beginning waits, and so does white space, which is
// dropped before a marker.
#pragma once

#include <string>

#include "serve/tools/call_parser.h"

namespace tidemill::serve {

class MarkedText {
 public:
  explicit MarkedText(std::string marker) : marker_(std::move(marker)) {}

  const std::string& marker() const { return marker_; }
  // Takes the next byte; true when the marker ends with it.
  bool push(char byte, std::vector<Part>& parts);
  // Gives out what waits; white space alone only when `keeps_space`.
  void finish(bool keeps_space, std::vector<Part>& parts);

 private:
  bool may_become_marker() const;

  std::string marker_;
  std::string waiting_;
};

// Appends to the last part when that is text, too.
void give_text(std::string_view text, std::vector<Part>& parts);

}  // namespace tidemill::serve
