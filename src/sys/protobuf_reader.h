// Reads Protocol Buffers messages field by field, as far as files of other projects need it.
//
//   Wire format: protobuf.dev/programming-guides/encoding.  Groups, which no such file has, are refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidemill {

// A message that lies in memory; the bytes must outlive the reader and what it gives out.  Functions that read throw
// bad_file, naming `source`, the message and the field, for a truncated or malformed message and for a field of another
// wire type.
class ProtobufReader {
 public:
  // A whole file; `source` names it and must outlive the reader.
  ProtobufReader(std::string_view bytes, const std::string& source) : rest_(bytes), source_(source) {}
  // The message that `name`, the field that `outer` came to, holds; `index` counts the fields of that name.
  ProtobufReader(ProtobufReader& outer, const char* name, std::optional<size_t> index = {})
      : rest_(outer.bytes(name)), source_(outer.source_), name_(name), index_(index) {}

  // Goes to the next field; false at the end.  The last field must have been read or skipped.
  bool next();
  uint32_t field() const { return field_; }

  // The value of the field that `next` came to; `name` is for messages.
  uint64_t varint(const char* name);
  bool boolean(const char* name) { return varint(name) != 0; }
  float float32(const char* name);
  // Whether it is bytes, a text or a message, or numbers packed into one field.
  bool is_bytes() const { return wire_ == Wire::bytes; }
  std::string_view bytes(const char* name);
  void skip();

  // Varints one after another until the end: what a packed field holds, read by a reader of its own.
  bool at_end() const { return rest_.empty(); }
  uint64_t packed_varint(const char* name) { return take_varint(name); }

  [[noreturn]] void fail(std::string_view name, const std::string& why) const;

 private:
  enum class Wire : uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

  void expect(Wire wire, const char* name) const;
  uint64_t take_varint(std::string_view name);
  std::string_view take(uint64_t n_bytes, std::string_view name);

  std::string_view rest_;
  const std::string& source_;
  const char* name_ = nullptr;  // of the field that this message is in a file
  std::optional<size_t> index_;
  uint32_t field_ = 0;
  Wire wire_ = Wire::varint;
};

}  // namespace tidemill
