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
  if (stopped()) return {};
  held_ += piece;
  // The stop that is complete first counts, the longest of those: so the pieces in which text arrives change nothing.
  size_t stop_begin = std::string::npos, stop_end = std::string::npos;
  size_t n_held = 0;
  for (const std::string& stop : stops_) {
    n_held = std::max(n_held, overlap(held_, stop));
    const size_t begin = held_.find(stop);
    if (begin == std::string::npos) continue;
    const size_t end = begin + stop.size();
    if (end < stop_end || (end == stop_end && begin < stop_begin)) {
      stop_begin = begin;
      stop_end = end;
      found_ = stop;
    }
  }
  const size_t n_shown = stopped() ? stop_begin : held_.size() - n_held;
  std::string shown = held_.substr(0, n_shown);
  if (stopped())
    held_.clear();
  else
    held_.erase(0, n_shown);
  return shown;
}

std::string StopMatcher::finish() {
  return stopped() ? std::string() : std::exchange(held_, {});
}

}  // namespace tidemill
