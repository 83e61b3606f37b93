#include "compress/delta/float_elements.h"

#include <cstdint>
#include <cstring>

#include "tensor/half.h"

namespace tidemill {
namespace {

template <typename Element, typename Convert>
void read_elements(std::span<const std::byte> bytes, std::vector<float>& floats, Convert convert) {
  floats.resize(bytes.size() / sizeof(Element));
  for (size_t i = 0; i < floats.size(); ++i) {
    Element element;
    std::memcpy(&element, bytes.data() + i * sizeof element, sizeof element);
    floats[i] = convert(element);
  }
}

template <typename Element, typename Convert>
void write_elements(std::span<const float> floats, std::span<std::byte> bytes, Convert convert) {
  for (size_t i = 0; i < floats.size(); ++i) {
    const Element element = convert(floats[i]);
    std::memcpy(bytes.data() + i * sizeof element, &element, sizeof element);
  }
}

}  // namespace

bool has_lossy_deltas(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16;
}

void to_floats(DType dtype, std::span<const std::byte> bytes, std::vector<float>& floats) {
  if (dtype == DType::f32) return read_elements<float>(bytes, floats, [](float value) { return value; });
  if (dtype == DType::f16) return read_elements<uint16_t>(bytes, floats, f16_to_f32);
  read_elements<uint16_t>(bytes, floats, bf16_to_f32);
}

void from_floats(DType dtype, std::span<const float> floats, std::span<std::byte> bytes) {
  if (dtype == DType::f32) return write_elements<float>(floats, bytes, [](float value) { return value; });
  if (dtype == DType::f16) return write_elements<uint16_t>(floats, bytes, f32_to_f16);
  write_elements<uint16_t>(floats, bytes, f32_to_bf16);
}

}  // namespace tidemill
