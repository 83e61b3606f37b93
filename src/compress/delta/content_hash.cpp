#include "compress/delta/content_hash.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>

namespace tidemill {
namespace {

constexpr uint64_t kWindowsAtOnce = 16;  // between two calls of `progress`

ContentHash canonical(XXH128_hash_t hash) {
  XXH128_canonical_t bytes;
  XXH128_canonicalFromHash(&bytes, hash);
  ContentHash result;
  std::memcpy(result.digest.data(), bytes.digest, result.digest.size());
  return result;
}

}  // namespace

std::string ContentHash::hex() const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : digest) text += {kDigits[byte >> 4], kDigits[byte & 15]};
  return text;
}

std::optional<ContentHash> ContentHash::from_hex(std::string_view text) {
  ContentHash hash;
  if (text.size() != 2 * hash.digest.size()) return std::nullopt;
  for (size_t i = 0; i < text.size(); ++i) {
    const char digit = text[i];
    const bool is_letter = digit >= 'a' && digit <= 'f';
    if (!is_letter && (digit < '0' || digit > '9')) return std::nullopt;
    const int value = is_letter ? digit - 'a' + 10 : digit - '0';
    hash.digest[i / 2] = static_cast<uint8_t>(hash.digest[i / 2] << 4 | value);
  }
  return hash;
}

ContentHash hash_window(std::span<const std::byte> bytes) {
  return canonical(XXH3_128bits(bytes.data(), bytes.size()));
}

ContentHash hash_of_windows(const std::vector<ContentHash>& windows) {
  static_assert(sizeof(ContentHash) == 16);
  return hash_window(std::as_bytes(std::span(windows)));
}

void HashOfStream::add(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const size_t n_here = std::min(bytes.size(), kHashWindowBytes - window_.size());
    window_.insert(window_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n_here));
    bytes = bytes.subspan(n_here);
    if (window_.size() < kHashWindowBytes) return;
    hashes_.push_back(hash_window(window_));
    window_.clear();
  }
}

ContentHash HashOfStream::finish() {
  if (!window_.empty()) hashes_.push_back(hash_window(window_));
  return hash_of_windows(hashes_);
}

ContentHash hash_file(const MappedFile& file, ThreadPool& pool, const std::function<void(uint64_t n_bytes)>& progress) {
  const auto bytes = file.bytes();
  std::vector<ContentHash> windows(n_hash_windows(bytes.size()));
  for (uint64_t begin = 0; begin < windows.size(); begin += kWindowsAtOnce) {
    const uint64_t end = std::min<uint64_t>(begin + kWindowsAtOnce, windows.size());
    pool.parallel_for(static_cast<int64_t>(end - begin), 1, [&](int64_t first, int64_t, int) {
      const uint64_t window = begin + static_cast<uint64_t>(first);
      const uint64_t offset = window * kHashWindowBytes;
      const auto part = bytes.subspan(offset, std::min<uint64_t>(kHashWindowBytes, bytes.size() - offset));
      windows[window] = hash_window(part);
      file.release(part);
    });
    progress(std::min<uint64_t>(end * kHashWindowBytes, bytes.size()) - begin * kHashWindowBytes);
  }
  return hash_of_windows(windows);
}

}  // namespace tidemill
