#include "text/bpe/spaced_tokens.h"

#include "text/pieces/space_symbol.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "text/bpe/spaced_tokens.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

#include "text/pieces/token_windows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

// Letters and digits of ASCII.
HWY_INLINE uint64_t word_bytes(const uint8_t* bytes) {
  return bits_where(bytes, [](auto d, auto v) HWY_ATTR {
    const auto between = [=](auto c, char first, char last) HWY_ATTR {
      const auto offset = hn::Sub(c, hn::Set(d, static_cast<uint8_t>(first)));
      return hn::Gt(hn::Set(d, static_cast<uint8_t>(last - first + 1)), offset);
    };
    return hn::Or(between(v, '0', '9'), between(hn::Or(v, hn::Set(d, uint8_t{0x20})), 'a', 'z'));
  });
}

bool spans_word_end(const TokenStrings& tokens) {
  uint64_t found = 0;
  for_each_window(tokens, [&](const uint8_t* bytes, uint64_t begins, size_t) HWY_ATTR {
    const uint64_t spaces = bytes_equal_to(bytes, kSpaceSymbol[0]) & bytes_equal_to(bytes + 1, kSpaceSymbol[1]) &
                            bytes_equal_to(bytes + 2, kSpaceSymbol[2]);
    found |= spaces & ~begins & word_bytes(bytes - 1);
  });
  return found != 0;
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(spans_word_end);

bool no_token_spans_word_end(const TokenStrings& tokens) {
  if (HWY_DYNAMIC_DISPATCH(spans_word_end)(tokens)) return false;
  // Without a token for a space it is unknown, and unknown neighbours may become one token.
  for (int32_t id = 0; id < tokens.size(); ++id) {
    if (tokens[id] == kSpaceSymbol) return true;
  }
  return false;
}

}  // namespace tidemill

#endif
