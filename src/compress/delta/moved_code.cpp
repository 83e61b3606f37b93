#include "compress/delta/moved_code.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "compress/delta/packed_text.h"
#include "compress/delta/plan.h"

namespace tidemill {
namespace {

constexpr uint64_t kInPlace = 24;      // bytes that must be equal for a run to go on behind what was replaced
constexpr uint64_t kMoreOfBase = 256;  // bytes of the prefix for a new run, beyond as many as it has
constexpr size_t kHeadBytes = 8;       // of the code: two numbers of 32 bits
constexpr size_t kMaxNumberBytes = 10;
constexpr uint64_t kMoreText = 64;  // bytes of the text of runs beyond twice as many as are restored

// New bytes, then bytes of the base.
struct Run {
  uint64_t n_new = 0, n_copied = 0, begin = 0;
};

// --- finding runs

class RunFinder {
 public:
  RunFinder(const ContentIndex& base, std::span<const std::byte> tuned) : index_(base), tuned_(tuned) {}

  std::vector<Run> runs() {
    // Chunks are those of the content alone, also where a copy ends within one, as behind what many rows begin with.
    for (size_t at = 0, end = 0; at < tuned_.size(); at = end) {
      end = chunk_end(tuned_, at);
      if (end <= n_done_) continue;
      if (const std::optional<uint64_t> found = place_of(at, end)) add_copy(at, *found);
    }
    if (n_done_ < tuned_.size()) runs_.push_back({.n_new = tuned_.size() - n_done_});
    return std::move(runs_);
  }

 private:
  std::optional<uint64_t> place_of(size_t at, size_t end) const {
    const uint64_t behind = expected_ + (at - n_done_);
    if (is_equal(behind, at, end - at)) return behind;
    // Before a few bytes in place, for those may be what all rows begin with.
    if (const auto found = index_.find(tuned_.subspan(at, end - at))) return found;
    if (is_equal(behind, at, std::min<uint64_t>(kInPlace, tuned_.size() - at))) return behind;
    return std::nullopt;
  }

  bool is_equal(uint64_t base, size_t at, uint64_t n) const {
    const auto bytes = index_.bytes();
    return base <= bytes.size() && n <= bytes.size() - base && std::memcmp(&bytes[base], &tuned_[at], n) == 0;
  }

  // A run with what is equal before and behind.
  void add_copy(size_t at, uint64_t base) {
    const auto bytes = index_.bytes();
    if (at < n_done_) base += n_done_ - at, at = n_done_;
    while (at > n_done_ && base > 0 && tuned_[at - 1] == bytes[base - 1]) --at, --base;
    const size_t most = std::min<uint64_t>(tuned_.size() - at, bytes.size() - base);
    const auto [in_tuned, in_base] = std::mismatch(tuned_.begin() + static_cast<std::ptrdiff_t>(at),
                                                   tuned_.begin() + static_cast<std::ptrdiff_t>(at + most),
                                                   bytes.begin() + static_cast<std::ptrdiff_t>(base));
    const size_t end = static_cast<size_t>(in_tuned - tuned_.begin());
    if (end - at < kMinChunk && end < tuned_.size()) return;
    runs_.push_back({at - n_done_, end - at, base});
    n_done_ = end;
    expected_ = base + (end - at);
  }

  const ContentIndex& index_;
  std::span<const std::byte> tuned_;
  std::vector<Run> runs_;
  size_t n_done_ = 0;      // bytes that `runs_` tell
  uint64_t expected_ = 0;  // where the last copy ended in the base
};

// --- runs as numbers

void put_number(std::vector<std::byte>& text, uint64_t number) {
  for (; number >= 128; number >>= 7) text.push_back(static_cast<std::byte>(number | 128));
  text.push_back(static_cast<std::byte>(number));
}

std::optional<uint64_t> take_number(std::span<const std::byte>& text) {
  uint64_t number = 0;
  for (size_t i = 0; i < std::min(text.size(), kMaxNumberBytes); ++i) {
    const auto byte = std::to_integer<uint64_t>(text[i]);
    number |= (byte & 127) << (7 * i);
    if (byte >= 128) continue;
    text = text.subspan(i + 1);
    return number;
  }
  return std::nullopt;
}

uint64_t zigzag(uint64_t difference) {
  return difference << 1 ^ (difference >> 63 != 0 ? UINT64_MAX : 0);
}

uint64_t from_zigzag(uint64_t number) {
  return number >> 1 ^ ((number & 1) != 0 ? UINT64_MAX : 0);
}

std::vector<std::byte> text_of(const std::vector<Run>& runs) {
  std::vector<std::byte> text;
  uint64_t expected = 0;
  for (const Run& run : runs) {
    put_number(text, run.n_new);
    put_number(text, run.n_copied);
    if (run.n_copied == 0) continue;
    put_number(text, zigzag(run.begin - expected));
    expected = run.begin + run.n_copied;
  }
  return text;
}

// Nothing where they are not those of `n_bytes` made of a base of `n_base_bytes`.
std::optional<std::vector<Run>> runs_of(std::span<const std::byte> text, uint64_t n_bytes, uint64_t n_base_bytes) {
  std::vector<Run> runs;
  uint64_t expected = 0;
  while (n_bytes > 0) {
    const auto n_new = take_number(text);
    const auto n_copied = n_new ? take_number(text) : std::nullopt;
    if (!n_copied || *n_new > n_bytes || *n_copied > n_bytes - *n_new) return std::nullopt;
    Run run{*n_new, *n_copied, 0};
    const bool is_last = run.n_new + run.n_copied == n_bytes;
    if (run.n_copied < kMinChunk && !is_last) return std::nullopt;
    if (run.n_copied > 0) {
      const auto moved = take_number(text);
      if (!moved) return std::nullopt;
      run.begin = expected + from_zigzag(*moved);
      if (run.begin > n_base_bytes || run.n_copied > n_base_bytes - run.begin) return std::nullopt;
      expected = run.begin + run.n_copied;
    }
    n_bytes -= run.n_new + run.n_copied;
    runs.push_back(run);
  }
  if (!text.empty()) return std::nullopt;
  return runs;
}

// What the base has where the new bytes stand, which a changed row has much of: calls add(begin, n).
template <typename Add>
void for_each_prefix(const std::vector<Run>& runs, uint64_t n_base_bytes, Add add) {
  uint64_t expected = 0, n_left = kPackedTextBytes;
  for (const Run& run : runs) {
    const uint64_t n = std::min({run.n_new + kMoreOfBase, n_base_bytes - expected, n_left});
    if (run.n_new > 0 && n > 0) {
      add(expected, n);
      n_left -= n;
    }
    if (run.n_copied > 0) expected = run.begin + run.n_copied;
  }
}

void put_32(std::span<std::byte> out, uint64_t number) {
  const auto small = static_cast<uint32_t>(number);
  std::memcpy(out.data(), &small, sizeof small);
}

uint64_t number_32(std::span<const std::byte> bytes) {
  uint32_t number;
  std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

}  // namespace

void encode_moved(const ContentIndex& base, std::span<const std::byte> tuned, std::vector<std::byte>& code) {
  const std::vector<Run> runs = RunFinder(base, tuned).runs();
  const std::vector<std::byte> text = text_of(runs);
  const size_t head = code.size();
  code.resize(head + kHeadBytes);
  pack_text({}, text, code);
  put_32(std::span(code).subspan(head), text.size());
  put_32(std::span(code).subspan(head + 4), code.size() - head - kHeadBytes);
  std::vector<std::byte> fresh, prefix;
  size_t at = 0;
  for (const Run& run : runs) {
    const auto bytes = tuned.subspan(at, run.n_new);
    fresh.insert(fresh.end(), bytes.begin(), bytes.end());
    at += run.n_new + run.n_copied;
  }
  if (fresh.empty()) return;
  for_each_prefix(runs, base.bytes().size(), [&](uint64_t begin, uint64_t n) {
    const auto bytes = base.bytes().subspan(begin, n);
    prefix.insert(prefix.end(), bytes.begin(), bytes.end());
  });
  pack_text(prefix, fresh, code);
}

uint64_t n_moved_bytes(const ContentIndex& base, std::span<const std::byte> tuned) {
  uint64_t sum = 0;
  for (const Run& run : RunFinder(base, tuned).runs()) sum += run.n_copied;
  return sum;
}

bool decode_moved(std::span<const std::byte> code, uint64_t n_base_bytes,
                  const std::function<void(uint64_t begin, std::span<std::byte> out)>& read, std::span<std::byte> out) {
  if (code.size() < kHeadBytes) return false;
  const uint64_t n_text = number_32(code), n_packed = number_32(code.subspan(4));
  if (n_packed > code.size() - kHeadBytes || n_text > 2 * out.size() + kMoreText) return false;
  std::vector<std::byte> text(n_text);
  if (!unpack_text({}, code.subspan(kHeadBytes, n_packed), text)) return false;
  const auto runs = runs_of(text, out.size(), n_base_bytes);
  if (!runs) return false;
  uint64_t n_new = 0;
  for (const Run& run : *runs) n_new += run.n_new;
  const auto packed = code.subspan(kHeadBytes + n_packed);
  if ((n_new == 0) != packed.empty()) return false;
  std::vector<std::byte> fresh(n_new), prefix;
  if (n_new > 0) {
    for_each_prefix(*runs, n_base_bytes, [&](uint64_t begin, uint64_t n) {
      prefix.resize(prefix.size() + n);
      read(begin, std::span(prefix).last(n));
    });
    if (!unpack_text(prefix, packed, fresh)) return false;
  }
  std::span<const std::byte> left = fresh;
  for (const Run& run : *runs) {
    std::ranges::copy(left.first(run.n_new), out.begin());
    left = left.subspan(run.n_new);
    out = out.subspan(run.n_new);
    if (run.n_copied > 0) read(run.begin, out.first(run.n_copied));
    out = out.subspan(run.n_copied);
  }
  return true;
}

}  // namespace tidemill
