#include "formats/parquet_delta.h"

#include <algorithm>
#include <cstring>

namespace tidemill {
namespace {

uint64_t unzigzag(uint64_t value) {
  return value >> 1 ^ (~(value & 1) + 1);
}

// `width` bits, at most 64, that begin at a bit; the caller has checked that they are there.
uint64_t bits_at(std::span<const std::byte> bytes, uint64_t bit, int width) {
  uint64_t result = 0;
  for (int done = 0; done < width;) {
    const auto part = static_cast<uint64_t>(bytes[bit / 8]) >> (bit % 8);
    const int n = std::min(8 - static_cast<int>(bit % 8), width - done);
    result |= (part & ((uint64_t{1} << n) - 1)) << done;
    done += n;
    bit += static_cast<uint64_t>(n);
  }
  return result;
}

}  // namespace

ParquetDeltaReader::ParquetDeltaReader(std::span<const std::byte> bytes) : bytes_(bytes) {
  if (!read_header()) n_left_ = 0;
}

bool ParquetDeltaReader::varint(uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64 && position_ < bytes_.size(); shift += 7) {
    const auto part = static_cast<uint8_t>(bytes_[position_++]);
    value |= static_cast<uint64_t>(part & 0x7f) << shift;
    if ((part & 0x80) == 0) return true;
  }
  return false;
}

bool ParquetDeltaReader::read_header() {
  uint64_t block_length = 0;
  uint64_t first = 0;
  if (!varint(block_length) || !varint(n_miniblocks_) || !varint(n_left_) || !varint(first)) return false;
  constexpr uint64_t kMaxBlock = 1 << 20;
  if (n_miniblocks_ == 0 || n_miniblocks_ > kMaxMiniblocks || block_length > kMaxBlock) return false;
  miniblock_length_ = block_length / n_miniblocks_;
  if (block_length % 128 != 0 || miniblock_length_ % 32 != 0 || miniblock_length_ == 0) return false;
  value_ = unzigzag(first);
  miniblock_ = n_miniblocks_;  // the first block has yet to begin
  return true;
}

bool ParquetDeltaReader::begin_block() {
  uint64_t min_delta = 0;
  if (!varint(min_delta) || n_miniblocks_ > bytes_.size() - position_) return false;
  min_delta_ = unzigzag(min_delta);
  widths_ = position_;
  position_ += n_miniblocks_;
  miniblock_ = 0;
  return true;
}

bool ParquetDeltaReader::begin_miniblock() {
  if (miniblock_ == n_miniblocks_ && !begin_block()) return false;
  width_ = static_cast<int>(bytes_[widths_ + miniblock_++]);
  const uint64_t n_bytes = miniblock_length_ * static_cast<uint64_t>(width_) / 8;
  if (width_ > 64 || n_bytes > bytes_.size() - position_) return false;
  bit_ = position_ * 8;
  position_ += n_bytes;
  n_in_miniblock_ = miniblock_length_;
  return true;
}

bool ParquetDeltaReader::next(int64_t& value) {
  if (n_left_ == 0) return false;
  if (!is_first_) {
    if (n_in_miniblock_ == 0 && !begin_miniblock()) {
      n_left_ = 0;
      return false;
    }
    value_ += min_delta_ + bits_at(bytes_, bit_, width_);
    bit_ += static_cast<uint64_t>(width_);
    --n_in_miniblock_;
  }
  is_first_ = false;
  --n_left_;
  value = static_cast<int64_t>(value_);
  return true;
}

bool ParquetDeltaReader::find_end(std::span<const std::byte> bytes, size_t& end) {
  ParquetDeltaReader reader;
  reader.bytes_ = bytes;
  if (!reader.read_header()) return false;
  // The first number lies in the header.
  for (uint64_t n = reader.n_left_ == 0 ? 0 : reader.n_left_ - 1; n > 0;) {
    if (!reader.begin_miniblock()) return false;
    n -= std::min(n, reader.miniblock_length_);
  }
  end = reader.position_;
  return true;
}

}  // namespace tidemill
