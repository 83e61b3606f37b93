// Small numbers in runs: levels and indices of dictionaries.
// Specification: parquet-format, Encodings.md, "RLE / bit-packing hybrid".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tidemill {

// Reads one number after the other; bytes may be hostile.
class ParquetRunReader {
 public:
  ParquetRunReader() = default;
  // Numbers of `bit_width` bits, 0 to 32.  With 0 there are no bytes, and all numbers are 0.
  ParquetRunReader(std::span<const std::byte> bytes, int bit_width) : bytes_(bytes), bit_width_(bit_width) {}

  // The next number; false at the end of the bytes.
  bool next(uint32_t& value);

 private:
  bool begin_run();

  std::span<const std::byte> bytes_;  // what is left
  int bit_width_ = 0;
  uint64_t n_left_ = 0;  // of the run
  bool is_packed_ = false;
  uint32_t value_ = 0;  // of a run that is not packed
  uint64_t bit_ = 0;    // where the next number of a packed run begins, in bits from the start of bytes_
  uint64_t n_packed_bytes_ = 0;
};

// Writes numbers below 256 as runs of equal ones, each with its length before it as data pages want it.
class ParquetRunWriter {
 public:
  void add(uint8_t value, uint64_t count);
  // Four bytes of length and the runs.
  std::string finish();

 private:
  void flush();

  std::string text_;
  uint8_t value_ = 0;
  uint64_t n_ = 0;
};

}  // namespace tidemill
