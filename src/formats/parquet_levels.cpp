#include "formats/parquet_levels.h"

#include <algorithm>
#include <cstring>

namespace tidemill {

bool ParquetRunReader::next(uint32_t& value) {
  if (bit_width_ == 0) {
    value = 0;
    return true;
  }
  if (n_left_ == 0 && !begin_run()) return false;
  --n_left_;
  if (!is_packed_) {
    value = value_;
    return true;
  }
  const uint64_t byte = bit_ / 8;
  if (bit_ + static_cast<uint64_t>(bit_width_) > bytes_.size() * 8) return false;
  uint64_t window = 0;
  std::memcpy(&window, bytes_.data() + byte, std::min<size_t>(8, bytes_.size() - byte));
  value = static_cast<uint32_t>(window >> (bit_ % 8) & ((uint64_t{1} << bit_width_) - 1));
  bit_ += static_cast<uint64_t>(bit_width_);
  if (n_left_ == 0) bytes_ = bytes_.subspan(std::min<uint64_t>(n_packed_bytes_, bytes_.size()));
  return true;
}

bool ParquetRunReader::begin_run() {
  while (n_left_ == 0) {
    uint64_t head = 0;
    size_t n = 0;
    while (true) {
      if (n >= bytes_.size() || n >= 9) return false;
      const auto part = static_cast<uint8_t>(bytes_[n]);
      head |= static_cast<uint64_t>(part & 0x7f) << (7 * n++);
      if ((part & 0x80) == 0) break;
    }
    bytes_ = bytes_.subspan(n);
    is_packed_ = (head & 1) != 0;
    if (is_packed_) {
      if (head >> 1 > bytes_.size()) return false;  // a group of eight takes at least a byte
      n_left_ = (head >> 1) * 8;
      n_packed_bytes_ = (head >> 1) * static_cast<uint64_t>(bit_width_);
      bit_ = 0;
    } else {
      const auto n_bytes = static_cast<size_t>(bit_width_ + 7) / 8;
      if (bytes_.size() < n_bytes) return false;
      n_left_ = head >> 1;
      value_ = 0;
      std::memcpy(&value_, bytes_.data(), n_bytes);
      bytes_ = bytes_.subspan(n_bytes);
    }
  }
  return true;
}

void ParquetRunWriter::add(uint8_t value, uint64_t count) {
  if (value != value_) flush();
  value_ = value;
  n_ += count;
}

void ParquetRunWriter::flush() {
  if (n_ == 0) return;
  for (uint64_t head = n_ << 1;; head >>= 7) {
    if (head < 0x80) {
      text_ += static_cast<char>(head);
      break;
    }
    text_ += static_cast<char>(head | 0x80);
  }
  text_ += static_cast<char>(value_);
  n_ = 0;
}

std::string ParquetRunWriter::finish() {
  flush();
  const auto n_bytes = static_cast<uint32_t>(text_.size());
  std::string result(sizeof(n_bytes), '\0');
  std::memcpy(result.data(), &n_bytes, sizeof(n_bytes));
  result += text_;
  text_.clear();
  return result;
}

}  // namespace tidemill
