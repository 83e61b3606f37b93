#include "text/normalized_text.h"

#include <cassert>
#include <utility>

namespace tidemill {

NormalizedText::NormalizedText(std::string_view original, Track track, size_t at)
    : text_(original), at_(at), track_(track) {}

TokenSpan NormalizedText::origin(ByteRange range) const {
  assert(tracked());
  if (owned_.empty() && origins_.empty()) {
    return {static_cast<int64_t>(at_ + range.begin), static_cast<int64_t>(at_ + range.end)};
  }
  if (range.begin == range.end) {
    const int64_t end = range.begin == 0 ? static_cast<int64_t>(at_) : origins_[range.begin - 1].end;
    return {end, end};
  }
  return {origins_[range.begin].begin, origins_[range.end - 1].end};
}

void NormalizedText::assign(std::string text, std::vector<TokenSpan> origins) {
  assert(origins.size() == (tracked() ? text.size() : 0));
  owned_ = std::move(text);
  origins_ = std::move(origins);
  text_ = owned_;
}

}  // namespace tidemill
