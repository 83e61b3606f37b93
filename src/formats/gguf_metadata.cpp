// The metadata entries of a GGUF file: key, type, value.
#include <algorithm>

#include "formats/gguf_parse.h"

namespace tidemill {
namespace {

constexpr size_t kMaxKeyBytes = 65535;  // of the format
constexpr size_t kLengthBytes = sizeof(uint64_t);

class MetadataReader {
 public:
  explicit MetadataReader(GgufCursor& cursor) : cursor_(cursor) {}

  MetaValue read_value() {
    switch (const GgufType type = read_type()) {
      case GgufType::u8:
        return uint64_t{cursor_.number<uint8_t>()};
      case GgufType::i8:
        return int64_t{cursor_.number<int8_t>()};
      case GgufType::u16:
        return uint64_t{cursor_.number<uint16_t>()};
      case GgufType::i16:
        return int64_t{cursor_.number<int16_t>()};
      case GgufType::u32:
        return uint64_t{cursor_.number<uint32_t>()};
      case GgufType::i32:
        return int64_t{cursor_.number<int32_t>()};
      case GgufType::u64:
        return cursor_.number<uint64_t>();
      case GgufType::i64:
        return cursor_.number<int64_t>();
      case GgufType::f32:
        return double{cursor_.number<float>()};
      case GgufType::f64:
        return cursor_.number<double>();
      case GgufType::boolean:
        return read_numbers(type, 1).integer(0) != 0;
      case GgufType::string:
        return read_string();
      case GgufType::array:
        break;
    }
    return read_array();
  }

 private:
  GgufType read_type() {
    const auto type = cursor_.number<uint32_t>();
    if (type >= kGgufTypeCount) cursor_.fail_damaged("value type " + std::to_string(type) + " does not exist");
    return static_cast<GgufType>(type);
  }

  std::string_view read_string() { return cursor_.string(0, cursor_.left()); }

  MetaValue read_array() {
    const GgufType type = read_type();
    if (type == GgufType::array) {
      cursor_.fail_unsupported("holds a list of lists, which is not read", "remove this entry from the file");
    }
    if (type != GgufType::string) return read_numbers(type, cursor_.count(size_bytes(type), cursor_.left()));
    const size_t n = cursor_.count(kLengthBytes, kGgufMaxStrings - n_strings_);
    n_strings_ += n;
    StringList list;
    list.reserve(n);
    for (size_t index = 0; index < n; ++index) list.push_back(read_string());
    return list;
  }

  NumberArray read_numbers(GgufType type, size_t n_numbers) {
    const NumberArray numbers{type, cursor_.view(n_numbers * size_bytes(type))};
    // Anything but 0 and 1 is invalid by the specification: the file or what wrote it is broken.
    const auto is_boolean = [](std::byte value) { return value <= std::byte{1}; };
    if (type == GgufType::boolean && !std::ranges::all_of(numbers.bytes, is_boolean)) {
      cursor_.fail_damaged("a boolean is neither 0 nor 1");
    }
    return numbers;
  }

  GgufCursor& cursor_;
  size_t n_strings_ = 0;  // in all arrays so far
};

}  // namespace

void read_gguf_metadata(GgufCursor& cursor, size_t n_entries, GgufContents& contents) {
  MetadataReader reader(cursor);
  contents.entries.reserve(n_entries);
  for (size_t entry = 0; entry < n_entries; ++entry) {
    cursor.set_place("metadata entry " + std::to_string(entry + 1) + " of " + std::to_string(n_entries));
    const size_t begin = cursor.position();
    const std::string_view key = cursor.string(1, kMaxKeyBytes);
    cursor.set_place("metadata " + quoted(key));
    if (!contents.metadata.emplace(key, reader.read_value()).second) cursor.fail_damaged("the key occurs twice");
    contents.entries.push_back(cursor.bytes().subspan(begin, cursor.position() - begin));
  }
}

}  // namespace tidemill
