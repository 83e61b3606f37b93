// All strings of a vocabulary in a row, 64 bytes at a time.  Included once per Highway target.
#if defined(TIDEMILL_TEXT_TOKEN_WINDOWS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef TIDEMILL_TEXT_TOKEN_WINDOWS_INL_H
#undef TIDEMILL_TEXT_TOKEN_WINDOWS_INL_H
#else
#define TIDEMILL_TEXT_TOKEN_WINDOWS_INL_H
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <span>
#include <string_view>

#include "text/pieces/token_table.h"
#include "text/pieces/window_bits-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

// Calls visit(bytes, begins, size) for each window of `strings`, front to back: 8 bytes before `bytes` and 72 behind
// can be read, bit k of `begins` says that a string begins at byte k, and `size` bytes belong to strings.
template <typename Visit>
HWY_INLINE void for_each_window(const TokenStrings& strings, const Visit& visit) {
  const std::string_view all = strings.joined();
  const auto* const bytes = reinterpret_cast<const uint8_t*>(all.data());
  const std::span<const uint32_t> ends = strings.ends();
  uint64_t begins = 1;
  for (size_t pos = 0, id = 0; pos < all.size(); pos += kWindow) {
    for (; id < ends.size() && ends[id] < pos + kWindow; ++id) begins |= uint64_t{1} << (ends[id] - pos);
    visit(bytes + pos, begins, std::min(all.size() - pos, kWindow));
    begins = 0;
  }
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
