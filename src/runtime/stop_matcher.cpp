#include "runtime/stop_matcher.h"

#include <algorithm>
#include <utility>

namespace tidemill {
namespace {

// Length of the longest end of `text` that begins `stop` without completing it.
size_t overlap(std::string_view text, std::string_view stop) {
  for (size_t length = std::min(text.size(), stop.size() - 1); length > 0; --length)
    if (text.substr(text.size() - length) == stop.substr(0, length)) return length;
  return 0;
}

}  // namespace

StopMatcher::StopMatcher(std::vector<std::string> stops) : stops_(std::move(stops)) {
  std::erase_if(stops_, [](const std::string& stop) { return stop.empty(); });
}

std::string StopMatcher::push(std::string_view piece) {
  if (stopped_) return {};
  held_ += piece;
  size_t first_stop = std::string::npos;
  size_t n_held = 0;
  for (const std::string& stop : stops_) {
    first_stop = std::min(first_stop, held_.find(stop));
    n_held = std::max(n_held, overlap(held_, stop));
  }
  stopped_ = first_stop != std::string::npos;
  const size_t n_shown = stopped_ ? first_stop : held_.size() - n_held;
  std::string shown = held_.substr(0, n_shown);
  if (stopped_)
    held_.clear();
  else
    held_.erase(0, n_shown);
  return shown;
}

std::string StopMatcher::finish() {
  return stopped_ ? std::string() : std::exchange(held_, {});
}

}  // namespace tidemill
