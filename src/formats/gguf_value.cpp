#include "formats/gguf_value.h"

#include <array>
#include <cassert>
#include <cstring>
#include <type_traits>
#include <utility>

#include "tidemill/error.h"

namespace tidemill {
namespace {

struct TypeRow {
  std::string_view name;
  size_t size_bytes;
};

constexpr std::array<TypeRow, kGgufTypeCount> kTypes = {{{"u8", 1},
                                                         {"i8", 1},
                                                         {"u16", 2},
                                                         {"i16", 2},
                                                         {"u32", 4},
                                                         {"i32", 4},
                                                         {"f32", 4},
                                                         {"bool", 1},
                                                         {"string", 0},
                                                         {"array", 0},
                                                         {"u64", 8},
                                                         {"i64", 8},
                                                         {"f64", 8}}};

template <typename Number>
Number load(std::span<const std::byte> bytes, size_t index) {
  assert(index < bytes.size() / sizeof(Number));
  Number number;
  std::memcpy(&number, bytes.data() + index * sizeof number, sizeof number);
  return number;
}

// Calls `use` with element `index` in the type that it has in the file.
template <typename Use>
auto with_element(const NumberArray& array, size_t index, Use&& use) {
  switch (array.type) {
    case GgufType::i8:
      return use(load<int8_t>(array.bytes, index));
    case GgufType::u16:
      return use(load<uint16_t>(array.bytes, index));
    case GgufType::i16:
      return use(load<int16_t>(array.bytes, index));
    case GgufType::u32:
      return use(load<uint32_t>(array.bytes, index));
    case GgufType::i32:
      return use(load<int32_t>(array.bytes, index));
    case GgufType::f32:
      return use(load<float>(array.bytes, index));
    case GgufType::u64:
      return use(load<uint64_t>(array.bytes, index));
    case GgufType::i64:
      return use(load<int64_t>(array.bytes, index));
    case GgufType::f64:
      return use(load<double>(array.bytes, index));
    case GgufType::u8:
    case GgufType::boolean:
    case GgufType::string:
    case GgufType::array:
      break;
  }
  return use(load<uint8_t>(array.bytes, index));
}

}  // namespace

std::vector<std::string_view> StringList::views() const {
  std::vector<std::string_view> views(size());
  for (size_t index = 0; index < size(); ++index) views[index] = (*this)[index];
  return views;
}

std::string_view to_string(GgufType type) {
  return kTypes[static_cast<size_t>(type)].name;
}

size_t size_bytes(GgufType type) {
  return kTypes[static_cast<size_t>(type)].size_bytes;
}

size_t NumberArray::size() const {
  return bytes.size() / size_bytes(type);
}

bool NumberArray::is_integer() const {
  return type != GgufType::f32 && type != GgufType::f64;
}

int64_t NumberArray::integer(size_t index) const {
  return with_element(*this, index, [this](auto element) -> int64_t {
    if constexpr (std::is_floating_point_v<decltype(element)>) {
      throw Error(ErrorCode::bad_file, "metadata: " + describe(*this) + ", expected integers; the file is damaged");
    } else {
      if (!std::in_range<int64_t>(element)) {
        throw Error(ErrorCode::bad_file, "metadata: " + std::to_string(element) +
                                             " in a list of integers is too large; the file is damaged");
      }
      return static_cast<int64_t>(element);
    }
  });
}

double NumberArray::number(size_t index) const {
  return with_element(*this, index, [](auto element) { return static_cast<double>(element); });
}

std::string describe(const MetaValue& value) {
  struct Describe {
    std::string operator()(bool) const { return "a boolean"; }
    std::string operator()(int64_t) const { return "an integer"; }
    std::string operator()(uint64_t) const { return "an integer"; }
    std::string operator()(double) const { return "a float"; }
    std::string operator()(std::string_view) const { return "a string"; }
    std::string operator()(const StringList&) const { return "a list of strings"; }
    std::string operator()(const NumberArray& array) const { return "a list of " + std::string(to_string(array.type)); }
  };
  return std::visit(Describe{}, value);
}

}  // namespace tidemill
