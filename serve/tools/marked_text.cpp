#include "serve/tools/marked_text.h"

#include <algorithm>

namespace tidemill::serve {
namespace {

constexpr const char* kSpaces = " \n\r\t";

}  // namespace

void give_text(std::string_view text, std::vector<Part>& parts) {
  if (text.empty()) return;
  if (parts.empty() || parts.back().kind != Part::Kind::text) parts.push_back({Part::Kind::text, {}});
  parts.back().text += text;
}

bool MarkedText::may_become_marker() const {
  const std::string_view waiting = waiting_;
  return marker_.starts_with(waiting.substr(std::min(waiting.find_first_not_of(kSpaces), waiting.size())));
}

bool MarkedText::push(char byte, std::vector<Part>& parts) {
  waiting_ += byte;
  while (!may_become_marker()) {
    give_text(std::string_view(waiting_).substr(0, 1), parts);
    waiting_.erase(0, 1);
  }
  if (!waiting_.ends_with(marker_)) return false;
  waiting_.clear();
  return true;
}

void MarkedText::finish(bool keeps_space, std::vector<Part>& parts) {
  if (keeps_space || waiting_.find_first_not_of(kSpaces) != std::string::npos) give_text(waiting_, parts);
  waiting_.clear();
}

}  // namespace tidemill::serve
