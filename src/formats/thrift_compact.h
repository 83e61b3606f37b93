// Thrift's compact protocol, in which Parquet files describe themselves.
// Specification: Apache Thrift, doc/specs/thrift-compact-protocol.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tidemill {

// Of fields and of elements of lists.  A boolean field is its type; true ones of lists take a byte of value 1.
enum class ThriftType : uint8_t {
  stop = 0,
  boolean_true = 1,
  boolean_false = 2,
  i8 = 3,
  i16 = 4,
  i32 = 5,
  i64 = 6,
  number = 7,  // a double
  binary = 8,
  list = 9,
  set = 10,
  map = 11,
  structure = 12,
};

struct ThriftField {
  int id = 0;
  ThriftType type = ThriftType::stop;
};

struct ThriftList {
  size_t size = 0;
  ThriftType type = ThriftType::stop;
};

// A position in bytes that may be hostile: everything is checked, nesting has a limit.  All functions throw bad_file,
// "FILE: PLACE: WHY; ...", for bytes that end too early or are none of the protocol.
class ThriftReader {
 public:
  // `file` names the file in messages and outlives this, as `bytes` does.
  ThriftReader(std::span<const std::byte> bytes, const std::string& file, std::string place)
      : bytes_(bytes), file_(file), place_(std::move(place)) {}

  size_t position() const { return position_; }
  // What lies between an earlier position and this one.
  std::span<const std::byte> since(size_t begin) const { return bytes_.subspan(begin, position_ - begin); }

  // The next field of the structure whose last field was `last`; its type is `stop` at the end.
  ThriftField next_field(int last);
  // Calls on_field(field) for each field of a structure; it returns whether it has read the field's value.
  template <typename OnField>
  void structure(OnField&& on_field) {
    ThriftField field;
    while ((field = next_field(field.id)).type != ThriftType::stop)
      if (!on_field(field)) skip(field.type);
  }

  // The value of an i16, i32 or i64 field, which must be of one of these types and in [min, max].
  int64_t integer(const ThriftField& field, int64_t min, int64_t max);
  std::string_view binary(const ThriftField& field);
  std::string_view binary();  // of a list
  int64_t integer();          // of a list
  // The head of a list; the type of its elements must be `type` where there are any.
  ThriftList list(const ThriftField& field, ThriftType type);
  void expect(const ThriftField& field, ThriftType type) const;
  void skip(ThriftType type, int depth = 0);

  [[noreturn]] void fail(const std::string& why) const;

 private:
  uint8_t byte();
  uint64_t varint();
  void skip_bytes(size_t n);

  std::span<const std::byte> bytes_;
  const std::string& file_;
  std::string place_;
  size_t position_ = 0;
};

// Writes structures to a string.
class ThriftWriter {
 public:
  void integer(int id, ThriftType type, int64_t value);  // i16, i32 or i64
  void binary(int id, std::string_view value);
  // A value as a reader found it.
  void raw(const ThriftField& field, std::span<const std::byte> value);
  void list(int id, ThriftType type, size_t size);
  // Elements of lists.
  void element(int64_t value);
  void element(std::string_view value);
  void append(std::span<const std::byte> bytes);
  // A field that is a structure; `end` follows its fields.
  void begin(int id);
  // A structure that is an element, or the whole.
  void begin();
  void end();

  const std::string& text() const { return text_; }

 private:
  void header(int id, ThriftType type);
  void varint(uint64_t value);
  void zigzag(int64_t value);

  std::string text_;
  std::string last_ids_;  // of the structures that are open, a byte each: Parquet's ids are small
};

}  // namespace tidemill
