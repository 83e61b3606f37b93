#include "runtime/prompt_lookup.h"

#include <algorithm>

namespace tidemill {

int64_t PromptLookup::evidence(std::span<const int32_t> text) {
  const int64_t n = std::ssize(text);
  const int64_t begin = std::max<int64_t>(0, n - kSearched);
  const int32_t* const ids = text.data();
  int64_t longest = 0;
  for (int64_t end = n - 1; end > begin && longest < kMostEvidence; --end) {
    if (ids[end - 1] != ids[n - 1]) continue;
    const int64_t most = std::min(kMostEvidence, end - begin);
    int64_t length = 1;
    while (length < most && ids[end - 1 - length] == ids[n - 1 - length]) ++length;
    if (length <= longest) continue;
    longest = length;
    next_ = static_cast<size_t>(end);
  }
  return longest;
}

void PromptLookup::append_guess(std::vector<int32_t>& text, int64_t n) {
  for (int64_t index = 0; index < n; ++index) {
    const int32_t id = text[next_++];
    text.push_back(id);
  }
}

}  // namespace tidemill
