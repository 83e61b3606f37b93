// Integers as differences in packed blocks: lengths of texts.
// Specification: parquet-format, Encodings.md, "Delta Encoding (DELTA_BINARY_PACKED)".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tidemill {

// Reads one number after the other, without memory for them; bytes may be hostile.
class ParquetDeltaReader {
 public:
  ParquetDeltaReader() = default;
  explicit ParquetDeltaReader(std::span<const std::byte> bytes);

  // The next number; false at the end, and where the bytes are none of this encoding.
  bool next(int64_t& value);

  // Where the numbers end, in bytes from the start; false where the bytes are none of this encoding.
  static bool find_end(std::span<const std::byte> bytes, size_t& end);

 private:
  bool read_header();
  bool begin_block();
  bool begin_miniblock();
  bool varint(uint64_t& value);

  static constexpr size_t kMaxMiniblocks = 512;

  std::span<const std::byte> bytes_;
  size_t position_ = 0;
  uint64_t n_left_ = 0;  // numbers, the first one among them
  bool is_first_ = true;
  uint64_t value_ = 0;  // the last one; arithmetic wraps, as it does for those who write
  uint64_t miniblock_length_ = 0;
  uint64_t n_miniblocks_ = 0;
  // Of the block: where its widths are, which miniblock is read, and what is left of it.
  uint64_t min_delta_ = 0;
  size_t widths_ = 0;
  uint64_t miniblock_ = 0;
  uint64_t n_in_miniblock_ = 0;
  int width_ = 0;
  uint64_t bit_ = 0;  // of the next number, from the start
};

}  // namespace tidemill
