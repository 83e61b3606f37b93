#include "text/split/split_masks.h"

#include <algorithm>
#include <array>
#include <bit>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "text/split/split_masks.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

#include "text/split/split_starts-inl.h"
#include "text/split/split_window-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

// With fewer ASCII characters in front, the window is read character by character.
constexpr size_t kFewestAscii = 24;
// With more other bytes than this among 64 the scanner is quicker: words have many bytes, and few places are cut.
constexpr size_t kMostBeyondAscii = 40;

// Writes the pieces that end where `starts` has a bit.  Eight at a time whatever their number, so that few branches
// depend on it: behind the last of them up to kSpare places are written over.
constexpr size_t kSpare = 8;
HWY_INLINE ByteRange* write_pieces(uint64_t starts, const Window& w, size_t begin, ByteRange* out) {
  const auto n_pieces = static_cast<size_t>(hwy::PopCount(starts));
  auto from = static_cast<uint32_t>(begin);
  for (size_t done = 0; done < n_pieces; done += kSpare) {
    for (size_t k = done; k < done + kSpare; ++k, starts &= starts - 1) {
      const auto end = static_cast<uint32_t>(begin + w.offset(static_cast<size_t>(std::countr_zero(starts))));
      out[k] = {from, end};
      from = end;
    }
  }
  return out + n_pieces;
}

// Of `starts` the lowest `n`.
inline uint64_t lowest_bits(uint64_t starts, size_t n) {
  uint64_t rest = starts;
  for (; n > 0; --n) rest &= rest - 1;
  return starts & ~rest;
}

template <typename Rules>
constexpr Wanted kWantedBy = Wanted::plain;
template <>
constexpr Wanted kWantedBy<O200kRules> = Wanted::cased;
// These know ASCII only: the scanner does the rest.
template <>
constexpr Wanted kWantedBy<DeepSeekRules> = Wanted::graphic;
template <>
constexpr Wanted kWantedBy<FalconRules> = Wanted::graphic;

// Writes pieces one by one up to `limit`, until one ends at `end` or behind it; returns where.
template <typename Rules>
HWY_INLINE size_t scan_window(const Rules& rules, const SplitScanner& scanner, size_t from, size_t end,
                              const ByteRange* limit, ByteRange*& out) {
  while (from < end && out != limit) {
    const size_t piece_end = scanner.piece_end(rules, from);
    *out++ = {static_cast<uint32_t>(from), static_cast<uint32_t>(piece_end)};
    from = piece_end;
  }
  return from;
}

// Writes at most `max_pieces` pieces to `out`, which has kSpare places more; returns where the last one ends.
template <typename Rules>
HWY_INLINE size_t split_windows(const Rules& rules, std::string_view text, size_t from, size_t max_pieces,
                                ByteRange*& written) {
  const SplitScanner scanner(text);
  ByteRange* out = written;
  const ByteRange* const limit = out + max_pieces;
  Window window;
  while (out != limit && from < text.size()) {
    const std::string_view rest = text.substr(from);
    read_ascii<kWantedBy<Rules>>(rest, window);
    if (kWantedBy<Rules> != Wanted::graphic && window.n < kFewestAscii && !window.at_end) {
      if (window.n_beyond_ascii > kMostBeyondAscii) {
        from = scan_window(rules, scanner, from, std::min(from + kWindow, text.size()), limit, out);
        continue;
      }
      read_characters(rest, window);
    }
    uint64_t starts = known_starts(starts_of(rules, scanner, from, window), window) & ~uint64_t{1};
    const auto room = static_cast<size_t>(limit - out);
    if (room < kWindow && static_cast<size_t>(hwy::PopCount(starts)) >= room) [[unlikely]] {
      starts = lowest_bits(starts, room);
      window.at_end = false;
    }
    out = write_pieces(starts, window, from, out);
    // The next window is known before the pieces are written.
    size_t end = starts == 0 ? from : from + window.offset(63 - static_cast<size_t>(std::countl_zero(starts)));
    if (window.at_end || starts == 0) {
      const size_t last_end = window.at_end ? text.size() : scanner.piece_end(rules, from);
      *out++ = {static_cast<uint32_t>(end), static_cast<uint32_t>(last_end)};
      end = last_end;
    }
    from = end;
  }
  written = out;
  return from;
}

size_t split_gpt2(const Gpt2Rules& rules, std::string_view text, size_t from, size_t max_pieces, ByteRange*& out) {
  return split_windows(rules, text, from, max_pieces, out);
}
size_t split_cl100k(const Cl100kRules& rules, std::string_view text, size_t from, size_t max_pieces, ByteRange*& out) {
  return split_windows(rules, text, from, max_pieces, out);
}
size_t split_o200k(const O200kRules& rules, std::string_view text, size_t from, size_t max_pieces, ByteRange*& out) {
  return split_windows(rules, text, from, max_pieces, out);
}

size_t split_deepseek(const DeepSeekRules& rules, std::string_view text, size_t from, size_t max_pieces,
                      ByteRange*& out) {
  return split_windows(rules, text, from, max_pieces, out);
}
size_t split_falcon(const FalconRules& rules, std::string_view text, size_t from, size_t max_pieces, ByteRange*& out) {
  return split_windows(rules, text, from, max_pieces, out);
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {
namespace {

HWY_EXPORT(split_gpt2);
HWY_EXPORT(split_cl100k);
HWY_EXPORT(split_o200k);
HWY_EXPORT(split_deepseek);
HWY_EXPORT(split_falcon);

constexpr size_t kSparePieces = 8;

// `split` for one kind of rules.
template <typename Rules>
using Split = size_t (*)(const Rules& rules, std::string_view text, size_t from, size_t max_pieces, ByteRange*& out);

// Lets `split` write some pieces at a time.  They go through a small array, for a vector would first set all places
// that it may need, which took a tenth of the time.
template <typename Rules>
size_t append_pieces(Split<Rules> split, const Rules& rules, std::string_view text, size_t from, size_t max_pieces,
                     std::vector<ByteRange>& pieces) {
  std::array<ByteRange, 256 + kSparePieces> written;
  for (size_t left = max_pieces; left > 0 && from < text.size();) {
    ByteRange* out = written.data();
    from = split(rules, text, from, std::min(left, written.size() - kSparePieces), out);
    pieces.insert(pieces.end(), written.data(), out);
    left -= static_cast<size_t>(out - written.data());
  }
  return from;
}

}  // namespace

size_t split_by_masks(const Gpt2Rules& rules, std::string_view text, size_t from, size_t max_pieces,
                      std::vector<ByteRange>& pieces) {
  return append_pieces(&HWY_DYNAMIC_DISPATCH(split_gpt2), rules, text, from, max_pieces, pieces);
}
size_t split_by_masks(const Cl100kRules& rules, std::string_view text, size_t from, size_t max_pieces,
                      std::vector<ByteRange>& pieces) {
  return append_pieces(&HWY_DYNAMIC_DISPATCH(split_cl100k), rules, text, from, max_pieces, pieces);
}
size_t split_by_masks(const O200kRules& rules, std::string_view text, size_t from, size_t max_pieces,
                      std::vector<ByteRange>& pieces) {
  return append_pieces(&HWY_DYNAMIC_DISPATCH(split_o200k), rules, text, from, max_pieces, pieces);
}
size_t split_by_masks(const DeepSeekRules& rules, std::string_view text, size_t from, size_t max_pieces,
                      std::vector<ByteRange>& pieces) {
  return append_pieces(&HWY_DYNAMIC_DISPATCH(split_deepseek), rules, text, from, max_pieces, pieces);
}
size_t split_by_masks(const FalconRules& rules, std::string_view text, size_t from, size_t max_pieces,
                      std::vector<ByteRange>& pieces) {
  return append_pieces(&HWY_DYNAMIC_DISPATCH(split_falcon), rules, text, from, max_pieces, pieces);
}

}  // namespace tidemill

#endif
