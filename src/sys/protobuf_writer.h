// Writes Protocol Buffers messages field by field; protobuf_reader.h the other way round.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace tidemill {

// A message; one within another is written first, then its bytes as a field of the other.
class ProtobufWriter {
 public:
  ProtobufWriter& varint(uint32_t field, uint64_t value) {
    key(field, 0);
    append_varint(value);
    return *this;
  }
  ProtobufWriter& float32(uint32_t field, float value) {
    key(field, 5);
    uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    for (int k = 0; k < 4; ++k) text_.push_back(static_cast<char>(bits >> 8 * k));
    return *this;
  }
  ProtobufWriter& bytes(uint32_t field, std::string_view value) {
    begin_bytes(field, value.size());
    text_ += value;
    return *this;
  }
  ProtobufWriter& message(uint32_t field, const ProtobufWriter& value) { return bytes(field, value.text()); }
  // The head of a field of `n_bytes` that the caller writes elsewhere, behind `text()`.
  void begin_bytes(uint32_t field, uint64_t n_bytes) {
    key(field, 2);
    append_varint(n_bytes);
  }

  const std::string& text() const { return text_; }

 private:
  void key(uint32_t field, uint32_t wire) { append_varint(uint64_t{field} << 3 | wire); }
  void append_varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) text_.push_back(static_cast<char>(value | 0x80));
    text_.push_back(static_cast<char>(value));
  }

  std::string text_;
};

}  // namespace tidemill
