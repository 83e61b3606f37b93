#include "formats/thrift_compact.h"

#include "formats/wording.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr int kMaxDepth = 32;

int64_t unzigzag(uint64_t value) {
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

bool is_integer(ThriftType type) {
  return type == ThriftType::i16 || type == ThriftType::i32 || type == ThriftType::i64;
}

}  // namespace

void ThriftReader::fail(const std::string& why) const {
  throw Error(ErrorCode::bad_file, file_ + ": " + place_ + ": " + why + "; the file is damaged, get it again");
}

uint8_t ThriftReader::byte() {
  if (position_ >= bytes_.size()) fail("ends too early");
  return static_cast<uint8_t>(bytes_[position_++]);
}

uint64_t ThriftReader::varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const uint8_t part = byte();
    value |= static_cast<uint64_t>(part & 0x7f) << shift;
    if ((part & 0x80) == 0) return value;
  }
  fail("has a number of more than 64 bits");
}

void ThriftReader::skip_bytes(size_t n) {
  if (n > bytes_.size() - position_) fail("ends too early");
  position_ += n;
}

ThriftField ThriftReader::next_field(int last) {
  const uint8_t head = byte();
  const auto type = static_cast<ThriftType>(head & 0x0f);
  if (type == ThriftType::stop) return {};
  if (type > ThriftType::structure) fail("has a field of type " + std::to_string(head & 0x0f) + ", which is none");
  const int delta = head >> 4;
  const int64_t id = delta != 0 ? last + delta : unzigzag(varint());
  if (id < 1 || id > 127) fail("has a field of number " + std::to_string(id));
  return {.id = static_cast<int>(id), .type = type};
}

void ThriftReader::expect(const ThriftField& field, ThriftType type) const {
  if (field.type != type) fail("field " + std::to_string(field.id) + " is of another type");
}

int64_t ThriftReader::integer(const ThriftField& field, int64_t min, int64_t max) {
  if (!is_integer(field.type)) fail("field " + std::to_string(field.id) + " is no integer");
  const int64_t value = unzigzag(varint());
  if (value < min || value > max)
    fail("field " + std::to_string(field.id) + " is " + std::to_string(value) + ", which cannot be");
  return value;
}

int64_t ThriftReader::integer() {
  return unzigzag(varint());
}

std::string_view ThriftReader::binary(const ThriftField& field) {
  expect(field, ThriftType::binary);
  return binary();
}

std::string_view ThriftReader::binary() {
  const uint64_t n = varint();
  const size_t begin = position_;
  if (n > bytes_.size()) fail("ends too early");
  skip_bytes(static_cast<size_t>(n));
  return {reinterpret_cast<const char*>(bytes_.data()) + begin, static_cast<size_t>(n)};
}

ThriftList ThriftReader::list(const ThriftField& field, ThriftType type) {
  expect(field, ThriftType::list);
  const uint8_t head = byte();
  const uint64_t size = head >> 4 == 15 ? varint() : head >> 4;
  const auto found = static_cast<ThriftType>(head & 0x0f);
  if (size > 0 && found != type) fail("field " + std::to_string(field.id) + " is a list of another type");
  if (size > bytes_.size() - position_) fail("field " + std::to_string(field.id) + " is longer than the rest");
  return {.size = static_cast<size_t>(size), .type = found};
}

void ThriftReader::skip(ThriftType type, int depth) {
  if (depth > kMaxDepth) fail("is nested more than " + std::to_string(kMaxDepth) + " levels deep");
  switch (type) {
    case ThriftType::boolean_true:
    case ThriftType::boolean_false:
      if (depth > 0) byte();  // an element; as a field its type is its value
      return;
    case ThriftType::i8:
      byte();
      return;
    case ThriftType::i16:
    case ThriftType::i32:
    case ThriftType::i64:
      varint();
      return;
    case ThriftType::number:
      return skip_bytes(8);
    case ThriftType::binary:
      binary();
      return;
    case ThriftType::list:
    case ThriftType::set: {
      const uint8_t head = byte();
      const uint64_t size = head >> 4 == 15 ? varint() : head >> 4;
      const auto of = static_cast<ThriftType>(head & 0x0f);
      if (size > bytes_.size() - position_) fail("has a list that is longer than the rest");
      for (uint64_t i = 0; i < size; ++i) skip(of, depth + 1);
      return;
    }
    case ThriftType::map: {
      const uint64_t size = varint();
      if (size > bytes_.size() - position_) fail("has a map that is longer than the rest");
      const uint8_t types = size > 0 ? byte() : 0;
      for (uint64_t i = 0; i < size; ++i) {
        skip(static_cast<ThriftType>(types >> 4), depth + 1);
        skip(static_cast<ThriftType>(types & 0x0f), depth + 1);
      }
      return;
    }
    case ThriftType::structure:
      for (ThriftField field; (field = next_field(field.id)).type != ThriftType::stop;) {
        const bool is_boolean = field.type == ThriftType::boolean_true || field.type == ThriftType::boolean_false;
        if (!is_boolean) skip(field.type, depth + 1);
      }
      return;
    case ThriftType::stop:
      break;
  }
  fail("has a value of a type that is none");
}

void ThriftWriter::varint(uint64_t value) {
  for (; value >= 0x80; value >>= 7) text_ += static_cast<char>(value | 0x80);
  text_ += static_cast<char>(value);
}

void ThriftWriter::zigzag(int64_t value) {
  varint((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
}

void ThriftWriter::header(int id, ThriftType type) {
  const int delta = id - last_ids_.back();
  if (delta >= 1 && delta <= 15) {
    text_ += static_cast<char>(delta << 4 | static_cast<int>(type));
  } else {
    text_ += static_cast<char>(type);
    zigzag(id);
  }
  last_ids_.back() = static_cast<char>(id);
}

void ThriftWriter::integer(int id, ThriftType type, int64_t value) {
  header(id, type);
  zigzag(value);
}

void ThriftWriter::binary(int id, std::string_view value) {
  header(id, ThriftType::binary);
  element(value);
}

void ThriftWriter::raw(const ThriftField& field, std::span<const std::byte> value) {
  header(field.id, field.type);
  append(value);
}

void ThriftWriter::list(int id, ThriftType type, size_t size) {
  header(id, ThriftType::list);
  text_ += static_cast<char>((size < 15 ? size << 4 : 0xf0) | static_cast<size_t>(type));
  if (size >= 15) varint(size);
}

void ThriftWriter::element(int64_t value) {
  zigzag(value);
}

void ThriftWriter::element(std::string_view value) {
  varint(value.size());
  text_ += value;
}

void ThriftWriter::append(std::span<const std::byte> bytes) {
  text_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

void ThriftWriter::begin(int id) {
  header(id, ThriftType::structure);
  begin();
}

void ThriftWriter::begin() {
  last_ids_ += '\0';
}

void ThriftWriter::end() {
  text_ += '\0';
  last_ids_.pop_back();
}

}  // namespace tidemill
