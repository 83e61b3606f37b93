#include "sys/protobuf_reader.h"

#include <bit>

#include "tidemill/error.h"

namespace tidemill {

bool ProtobufReader::next() {
  if (rest_.empty()) return false;
  const uint64_t key = take_varint("a field's key");
  if (key >> 32 != 0 || key >> 3 == 0) fail("a field's key", "it is " + std::to_string(key) + ", which no field has");
  field_ = static_cast<uint32_t>(key >> 3);
  const auto wire = static_cast<uint8_t>(key & 7);
  if (wire != 0 && wire != 1 && wire != 2 && wire != 5) {
    fail("field " + std::to_string(field_), "it has the wire type " + std::to_string(wire));
  }
  wire_ = static_cast<Wire>(wire);
  return true;
}

uint64_t ProtobufReader::varint(const char* name) {
  expect(Wire::varint, name);
  return take_varint(name);
}

float ProtobufReader::float32(const char* name) {
  expect(Wire::fixed32, name);
  const std::string_view raw = take(4, name);
  uint32_t bits = 0;
  for (size_t k = 4; k-- > 0;) bits = bits << 8 | static_cast<uint8_t>(raw[k]);
  return std::bit_cast<float>(bits);
}

std::string_view ProtobufReader::bytes(const char* name) {
  expect(Wire::bytes, name);
  return take(take_varint(name), name);
}

void ProtobufReader::skip() {
  const std::string name = "field " + std::to_string(field_);
  if (wire_ == Wire::varint) {
    take_varint(name);
  } else if (wire_ == Wire::bytes) {
    take(take_varint(name), name);
  } else {
    take(wire_ == Wire::fixed64 ? 8 : 4, name);
  }
}

void ProtobufReader::expect(Wire wire, const char* name) const {
  if (wire_ == wire) return;
  fail(name, "it has the wire type " + std::to_string(static_cast<int>(wire_)) + " instead of " +
                 std::to_string(static_cast<int>(wire)));
}

uint64_t ProtobufReader::take_varint(std::string_view name) {
  uint64_t value = 0;
  for (size_t k = 0; k < 10; ++k) {
    if (k == rest_.size()) fail(name, "the file ends inside it");
    const auto byte = static_cast<uint8_t>(rest_[k]);
    value |= uint64_t{byte & 0x7Fu} << 7 * k;
    if (byte >= 0x80) continue;
    rest_.remove_prefix(k + 1);
    return value;
  }
  fail(name, "its number is longer than ten bytes");
}

std::string_view ProtobufReader::take(uint64_t n_bytes, std::string_view name) {
  if (n_bytes > rest_.size()) {
    fail(name, "it takes " + std::to_string(n_bytes) + " bytes, but " + std::to_string(rest_.size()) + " are left");
  }
  const std::string_view taken = rest_.substr(0, n_bytes);
  rest_.remove_prefix(n_bytes);
  return taken;
}

void ProtobufReader::fail(std::string_view name, const std::string& why) const {
  std::string where = source_;
  if (name_) where += std::string(": ") + name_;
  if (index_) where += "[" + std::to_string(*index_) + "]";
  throw Error(ErrorCode::bad_file,
              where + ": " + std::string(name) + ": " + why + "; get the file again from where it was published");
}

}  // namespace tidemill
