// A window of up to 64 characters as bits, one mask per kind.  Included once per target by split_masks.cpp.
#if defined(TIDEMILL_TEXT_SPLIT_WINDOW_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef TIDEMILL_TEXT_SPLIT_WINDOW_INL_H
#undef TIDEMILL_TEXT_SPLIT_WINDOW_INL_H
#else
#define TIDEMILL_TEXT_SPLIT_WINDOW_INL_H
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string_view>

#include "text/pieces/window_bits-inl.h"
#include "text/split/split_characters.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// The lowest `n` bits.
HWY_INLINE uint64_t lowest(size_t n) {
  return n >= 64 ? ~uint64_t{0} : (uint64_t{1} << n) - 1;
}

// Bit k tells of the character k after the place where the window begins, which is where a piece begins.
struct Window {
  size_t n = 0;               // characters; no bit stands beyond them
  bool at_end = false;        // the text ends behind them
  bool is_ascii = true;       // characters are bytes
  size_t n_beyond_ascii = 0;  // bytes among the first 64 that are not ASCII
  uint64_t letter = 0, upper = 0, caseless = 0, mark = 0, number = 0;
  uint64_t space = 0, newline = 0, blank_space = 0;  // \s; CR and LF; U+0020
  uint64_t apostrophe = 0, slash = 0;
  uint64_t graphic = 0;  // punctuation and symbols, of ASCII only
  // Where each character begins, and the last ends; not of ASCII.  Behind them is room for a block and what is written
  // at once.
  std::array<uint16_t, 2 * kWindow + 16> offsets;

  uint64_t valid() const { return lowest(n); }
  uint64_t other() const { return valid() & ~(letter | number | space); }
  size_t offset(size_t k) const { return is_ascii ? k : offsets[k]; }

  // Forgets all but the first `count` characters.
  void limit(size_t count) {
    n = count;
    at_end = false;
    for (uint64_t* bits :
         {&letter, &upper, &caseless, &mark, &number, &space, &newline, &blank_space, &apostrophe, &slash, &graphic}) {
      *bits &= lowest(count);
    }
  }
};

// Bytes between two, `first` and `first` + `n`.
HWY_INLINE uint64_t between(const uint8_t* bytes, char first, size_t n) {
  return bits_where(bytes, [=](auto d, auto v) HWY_ATTR {
    return hn::Lt(hn::Sub(v, hn::Set(d, static_cast<uint8_t>(first))), hn::Set(d, static_cast<uint8_t>(n)));
  });
}

// Bytes that have any of the bits of `mask`.
HWY_INLINE uint64_t with_any(const uint8_t* bytes, uint8_t mask) {
  return bits_where(bytes,
                    [mask](auto d, auto v) HWY_ATTR { return hn::Ne(hn::And(v, hn::Set(d, mask)), hn::Zero(d)); });
}

// What rules ask for beside the kinds that all do.
enum class Wanted : uint8_t { plain, cased, graphic };

// The ASCII characters at the start of `text`; none where it begins with another.
template <Wanted kWanted>
HWY_INLINE void read_ascii(std::string_view text, Window& window) {
  std::array<uint8_t, kWindow> padded;
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  window.n = kWindow;
  if (text.size() < kWindow) {
    padded.fill(0);
    std::memcpy(padded.data(), bytes, text.size());
    bytes = padded.data();
    window.n = text.size();
  }
  const uint64_t not_ascii = bytes_beyond_ascii(bytes);
  window.n_beyond_ascii = static_cast<size_t>(hwy::PopCount(not_ascii));
  if (not_ascii != 0) window.n = std::min<size_t>(window.n, std::countr_zero(not_ascii));
  window.at_end = window.n == text.size();
  window.is_ascii = true;
  const uint64_t valid = window.valid();
  const uint64_t lower = bits_where(bytes, [](auto d, auto v) HWY_ATTR {
    return hn::Lt(hn::Sub(hn::Or(v, hn::Set(d, uint8_t{0x20})), hn::Set(d, uint8_t{'a'})), hn::Set(d, uint8_t{26}));
  });
  window.letter = lower & valid;
  window.number = between(bytes, '0', 10) & valid;
  window.blank_space = bytes_equal_to(bytes, ' ') & valid;
  window.space = window.blank_space | (between(bytes, '\t', 5) & valid);
  window.newline = (bytes_equal_to(bytes, '\r') | bytes_equal_to(bytes, '\n')) & valid;
  window.apostrophe = bytes_equal_to(bytes, '\'') & valid;
  window.mark = window.caseless = 0;
  if constexpr (kWanted == Wanted::graphic) {
    window.graphic = between(bytes, '!', '~' - '!' + 1) & valid & ~(window.letter | window.number);
  }
  if constexpr (kWanted == Wanted::cased) {
    window.upper = between(bytes, 'A', 26) & valid;
    window.slash = bytes_equal_to(bytes, '/') & valid;
  }
}

// Where up to kWindow characters of `size` bytes begin, and where the last ends; returns their number.  Whole blocks of
// 64 bytes can be read.
HWY_INLINE size_t find_characters(const uint8_t* bytes, size_t size, Window& window) {
  constexpr size_t kAtOnce = 8;  // so that few branches depend on how many there are
  size_t n = 0;
  for (size_t at = 0; at < size && n <= kWindow; at += 64) {
    uint64_t leads = lead_bytes(bytes + at) & lowest(size - at);
    const auto n_leads = static_cast<size_t>(hwy::PopCount(leads));
    for (size_t done = 0; done < n_leads; done += kAtOnce) {
      for (size_t k = n + done; k < n + done + kAtOnce; ++k, leads &= leads - 1) {
        window.offsets[k] = static_cast<uint16_t>(at + static_cast<size_t>(std::countr_zero(leads)));
      }
    }
    n += n_leads;
  }
  if (n > kWindow) return kWindow;
  window.offsets[n] = static_cast<uint16_t>(size);
  return n;
}

// The characters at the start of `text`, whatever they are.
HWY_INLINE void read_characters(std::string_view text, Window& window) {
  constexpr size_t kMostBytes = 4 * (kWindow + 1);
  constexpr size_t kReadable = (kMostBytes + 63) / 64 * 64;
  std::array<uint8_t, kReadable> padded;
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  if (text.size() < kReadable) {
    padded.fill(0);
    std::memcpy(padded.data(), bytes, text.size());
    bytes = padded.data();
  }
  const size_t n = find_characters(bytes, std::min(text.size(), kMostBytes), window);
  std::array<uint8_t, kWindow> kinds{};
  std::array<uint8_t, kWindow> leads{};
  for (size_t k = 0; k < n; ++k) {
    const uint8_t* at = bytes + window.offsets[k];
    kinds[k] = split_kinds_at(at);
    leads[k] = *at;
  }
  window.n = n;
  window.at_end = window.offsets[n] == text.size();
  window.is_ascii = false;
  window.letter = with_any(kinds.data(), kind::letter);
  window.upper = with_any(kinds.data(), kind::upper);
  window.caseless = with_any(kinds.data(), kind::other_letter);
  window.mark = with_any(kinds.data(), kind::mark);
  window.number = with_any(kinds.data(), kind::number);
  window.space = with_any(kinds.data(), kind::space);
  window.newline = with_any(kinds.data(), kind::newline);
  window.blank_space = bytes_equal_to(leads.data(), ' ');
  window.apostrophe = bytes_equal_to(leads.data(), '\'');
  window.slash = bytes_equal_to(leads.data(), '/');
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
