#include "text/split_masks.h"

#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "text/split_masks.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

#include "text/split_starts-inl.h"
#include "text/split_window-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

// With fewer ASCII characters in front, the window is read character by character.
constexpr size_t kFewestAscii = 24;

// Writes the pieces that end where `starts` has a bit, at most up to `limit`; returns where the last one ends.
HWY_INLINE size_t write_pieces(uint64_t starts, const Window& w, size_t begin, ByteRange*& out,
                               const ByteRange* limit) {
  auto from = static_cast<uint32_t>(begin);
  for (; starts != 0 && out != limit; starts &= starts - 1) {
    const auto end = static_cast<uint32_t>(begin + w.offset(static_cast<size_t>(std::countr_zero(starts))));
    *out++ = {from, end};
    from = end;
  }
  return from;
}

template <typename Rules>
HWY_INLINE size_t split_windows(const Rules& rules, std::string_view text, size_t from, ByteRange*& out,
                                const ByteRange* limit) {
  const SplitScanner scanner(text);
  Window window;
  while (out != limit && from < text.size()) {
    const std::string_view rest = text.substr(from);
    read_ascii<std::is_same_v<Rules, O200kRules>>(rest, window);
    if (window.n < kFewestAscii && !window.at_end) read_characters(rest, window);
    const uint64_t starts = known_starts(starts_of(rules, scanner, from, window), window) & ~uint64_t{1};
    size_t end = write_pieces(starts, window, from, out, limit);
    if (out == limit) return end;
    if (window.at_end || end == from) {
      const size_t last_end = window.at_end ? text.size() : scanner.piece_end(rules, from);
      *out++ = {static_cast<uint32_t>(end), static_cast<uint32_t>(last_end)};
      end = last_end;
    }
    from = end;
  }
  return from;
}

size_t split_gpt2(const Gpt2Rules& rules, std::string_view text, size_t from, ByteRange*& out, const ByteRange* limit) {
  return split_windows(rules, text, from, out, limit);
}
size_t split_cl100k(const Cl100kRules& rules, std::string_view text, size_t from, ByteRange*& out,
                    const ByteRange* limit) {
  return split_windows(rules, text, from, out, limit);
}
size_t split_o200k(const O200kRules& rules, std::string_view text, size_t from, ByteRange*& out,
                   const ByteRange* limit) {
  return split_windows(rules, text, from, out, limit);
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {
namespace {

HWY_EXPORT(split_gpt2);
HWY_EXPORT(split_cl100k);
HWY_EXPORT(split_o200k);

// Lets `split(out, limit)` write up to `max_pieces` pieces.
template <typename Split>
size_t append_pieces(size_t max_pieces, std::vector<ByteRange>& pieces, const Split& split) {
  const size_t n_before = pieces.size();
  pieces.resize(n_before + max_pieces);
  ByteRange* out = pieces.data() + n_before;
  const size_t end = split(out, pieces.data() + pieces.size());
  pieces.resize(static_cast<size_t>(out - pieces.data()));
  return end;
}

}  // namespace

size_t split_by_masks(const Gpt2Rules& rules, std::string_view text, size_t from, size_t max_pieces,
                      std::vector<ByteRange>& pieces) {
  return append_pieces(max_pieces, pieces, [&](ByteRange*& out, const ByteRange* limit) {
    return HWY_DYNAMIC_DISPATCH(split_gpt2)(rules, text, from, out, limit);
  });
}
size_t split_by_masks(const Cl100kRules& rules, std::string_view text, size_t from, size_t max_pieces,
                      std::vector<ByteRange>& pieces) {
  return append_pieces(max_pieces, pieces, [&](ByteRange*& out, const ByteRange* limit) {
    return HWY_DYNAMIC_DISPATCH(split_cl100k)(rules, text, from, out, limit);
  });
}
size_t split_by_masks(const O200kRules& rules, std::string_view text, size_t from, size_t max_pieces,
                      std::vector<ByteRange>& pieces) {
  return append_pieces(max_pieces, pieces, [&](ByteRange*& out, const ByteRange* limit) {
    return HWY_DYNAMIC_DISPATCH(split_o200k)(rules, text, from, out, limit);
  });
}

}  // namespace tidemill

#endif
