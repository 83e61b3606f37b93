// Metadata values of a GGUF file, as views of its bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tidemill {

// Value types by the numbers that the file uses (ggml docs/gguf.md, gguf_metadata_value_type).
enum class GgufType : uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };
inline constexpr uint32_t kGgufTypeCount = 13;

// "u8", "f32", "string" ...
std::string_view to_string(GgufType type);
// Bytes of one number or boolean; 0 for strings and arrays, whose length varies.
size_t size_bytes(GgufType type);

// An array of strings that stay in the file.  A vocabulary has hundreds of thousands: of each only the place is kept,
// for its length stands before it.
class StringList {
 public:
  void reserve(size_t n) { strings_.reserve(n); }
  // Must be a view of the file, right behind its length as the format has it.
  void push_back(std::string_view string) { strings_.push_back(string.data()); }

  size_t size() const { return strings_.size(); }
  std::string_view operator[](size_t index) const {
    uint64_t length = 0;
    std::memcpy(&length, strings_[index] - sizeof length, sizeof length);
    return {strings_[index], length};
  }
  std::vector<std::string_view> views() const;

 private:
  std::vector<const char*> strings_;
};

// An array of numbers or booleans that stays in the file, unaligned, and converts on access.
struct NumberArray {
  GgufType type;  // of the elements; neither string nor array
  std::span<const std::byte> bytes;

  size_t size() const;
  bool is_integer() const;  // integers of any width and booleans
  // Element `index` < size().  Throws bad_file for floats and for what int64_t cannot hold; `GgufFile::integers`
  // checks that for a whole array, with a message that names the key.
  int64_t integer(size_t index) const;
  double number(size_t index) const;
};

// One value.  Signed integers of every width arrive as int64_t, unsigned ones as uint64_t, floats as double.
using MetaValue = std::variant<bool, int64_t, uint64_t, double, std::string_view, StringList, NumberArray>;

// "an integer", "a list of f32" ..., for messages.
std::string describe(const MetaValue& value);

// Values by key; keys are views of the file.
using GgufMetadata = std::map<std::string_view, MetaValue>;

}  // namespace tidemill
