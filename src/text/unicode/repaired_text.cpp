#include "text/unicode/repaired_text.h"

#include <algorithm>

#include "text/unicode/utf8.h"

namespace tidemill {

RepairedText::RepairedText(std::string_view original) : original_(original) {
  if (is_utf8(original)) return;
  repaired_.reserve(original.size() + original.size() / 8);
  for (size_t pos = 0; pos < original.size();) {
    const Utf8Step step = utf8_step(original.substr(pos));
    if (step.valid) {
      repaired_.append(original.substr(pos, step.n_bytes));
    } else {
      repairs_.push_back({repaired_.size(), pos, step.n_bytes});
      repaired_.append(kReplacementCharacter);
    }
    pos += step.n_bytes;
  }
}

TokenSpan RepairedText::original(TokenSpan span) const {
  if (repairs_.empty()) return span;
  return {original_position(span.begin, false), original_position(span.end, true)};
}

int64_t RepairedText::original_position(int64_t position, bool is_end) const {
  const auto at = static_cast<size_t>(position);
  // The last repair that begins before the position, or at it where something begins there, too.
  const auto next = std::partition_point(repairs_.begin(), repairs_.end(), [&](const Repair& repair) {
    return is_end ? repair.at < at : repair.at <= at;
  });
  if (next == repairs_.begin()) return position;
  const Repair& last = *(next - 1);
  if (at < last.at + kReplacementCharacter.size()) {
    return static_cast<int64_t>(is_end ? last.original_at + last.n_bytes : last.original_at);
  }
  return static_cast<int64_t>(at - last.at - kReplacementCharacter.size() + last.original_at + last.n_bytes);
}

}  // namespace tidemill
