#include "compress/delta/plane_code.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "compress/delta/buffer.h"
#include "compress/delta/code_parts.h"
#include "compress/delta/rans.h"

namespace tidemill {
namespace {

enum class PlaneMethod : uint32_t { raw, constant, symbols };

// Sign below the mantissa, so that the highest byte holds exponent only, as far as it goes.
template <typename Unsigned>
Unsigned sign_last(Unsigned value) {
  return static_cast<Unsigned>(value << 1 | value >> (8 * sizeof(Unsigned) - 1));
}
template <typename Unsigned>
Unsigned sign_first(Unsigned value) {
  return static_cast<Unsigned>(value >> 1 | value << (8 * sizeof(Unsigned) - 1));
}

template <typename Unsigned>
void split(bool is_float, std::span<const std::byte> elements, uint8_t* planes) {
  const size_t n = elements.size() / sizeof(Unsigned);
  for (size_t index = 0; index < n; ++index) {
    Unsigned value;
    std::memcpy(&value, elements.data() + index * sizeof(value), sizeof(value));
    if (is_float) value = sign_last(value);
    for (size_t plane = 0; plane < sizeof(value); ++plane) {
      planes[plane * n + index] = static_cast<uint8_t>(value >> 8 * plane);
    }
  }
}

template <typename Unsigned>
void join(bool is_float, const uint8_t* planes, std::span<std::byte> elements) {
  const size_t n = elements.size() / sizeof(Unsigned);
  for (size_t index = 0; index < n; ++index) {
    Unsigned value = 0;
    for (size_t plane = 0; plane < sizeof(value); ++plane) {
      value = static_cast<Unsigned>(value | Unsigned{planes[plane * n + index]} << 8 * plane);
    }
    if (is_float) value = sign_first(value);
    std::memcpy(elements.data() + index * sizeof(value), &value, sizeof(value));
  }
}

bool has_sign_bit(const ElementForm& form) {
  return form.exponent_mask != 0 && form.n_bytes > 1;
}

std::array<uint32_t, 256> counts_of(std::span<const uint8_t> plane) {
  std::array<std::array<uint32_t, 256>, 2> parts{};
  for (size_t index = 0; index < plane.size(); ++index) ++parts[index % 2][plane[index]];
  for (size_t value = 0; value < 256; ++value) parts[0][value] += parts[1][value];
  return parts[0];
}

double bits_of(std::span<const uint32_t> counts, size_t n) {
  double n_bits = 0;
  for (const uint32_t count : counts) {
    if (count > 0) n_bits += count * std::log2(static_cast<double>(n) / count) + 4;
  }
  return n_bits;
}

struct Plane {
  PlaneMethod method = PlaneMethod::raw;
  Levels levels;  // where it is symbols
};

Plane plane_of(std::span<const uint8_t> bytes) {
  const auto counts = counts_of(bytes);
  if (counts[bytes[0]] == bytes.size()) return {PlaneMethod::constant, {}};
  constexpr double kLeastGain = 0.99;  // for less than that nobody would wait
  if (bits_of(counts, bytes.size()) > kLeastGain * 8 * static_cast<double>(bytes.size())) return {};
  size_t n_symbols = 256;
  while (counts[n_symbols - 1] == 0) --n_symbols;
  return {PlaneMethod::symbols, levels_of(std::span(counts).first(n_symbols))};
}

}  // namespace

void encode_planes(const BlockShape& shape, std::span<const std::byte> tuned, std::vector<std::byte>& code) {
  const size_t n = shape.n_elements;
  Buffer<uint8_t> planes(tuned.size());
  with_width(shape.form.n_bytes,
             [&](auto width) { split<decltype(width)>(has_sign_bit(shape.form), tuned, planes.data()); });
  std::vector<std::byte> side;
  std::vector<std::byte> body;
  BitWriter writer(side);
  NumberModel numbers;
  const std::vector<uint8_t> contexts(n);
  for (size_t index = 0; index < shape.form.n_bytes; ++index) {
    const std::span<const uint8_t> bytes(planes.data() + index * n, n);
    const Plane plane = plane_of(bytes);
    numbers.write(writer, static_cast<uint32_t>(plane.method));
    if (plane.method == PlaneMethod::raw) {
      const auto raw = std::as_bytes(bytes);
      body.insert(body.end(), raw.begin(), raw.end());
    } else if (plane.method == PlaneMethod::constant) {
      body.push_back(static_cast<std::byte>(bytes[0]));
    } else {
      numbers.write(writer, static_cast<uint32_t>(plane.levels.size()));
      LevelsModel().write(writer, plane.levels);
      std::vector<std::byte> part;
      write_rans(contexts, bytes, std::array{frequencies_of_levels(plane.levels)}, part);
      append_part(body, part);
    }
  }
  writer.finish();
  append_part(code, side);
  code.insert(code.end(), body.begin(), body.end());
}

void decode_planes(const BlockShape& shape, std::span<const std::byte> code, std::span<std::byte> out) {
  const size_t n = shape.n_elements;
  BitReader reader(take_part(code));
  NumberModel numbers;
  Buffer<uint8_t> planes(out.size());
  const std::vector<uint8_t> contexts(n);
  for (size_t index = 0; index < shape.form.n_bytes; ++index) {
    const std::span<uint8_t> bytes(planes.data() + index * n, n);
    const auto method = static_cast<PlaneMethod>(numbers.read(reader));
    if (method == PlaneMethod::raw) {
      std::memcpy(bytes.data(), take_bytes(code, n).data(), n);
    } else if (method == PlaneMethod::constant) {
      std::ranges::fill(bytes, std::to_integer<uint8_t>(take_bytes(code, 1).front()));
    } else if (method == PlaneMethod::symbols) {
      const size_t n_symbols = numbers.read(reader);
      if (n_symbols > 256) refuse_code("has too many symbols");
      const std::array tables = {frequencies_of_levels(LevelsModel().read(reader, n_symbols))};
      if (tables[0].empty()) refuse_code("has a table without symbols");
      read_rans({take_part(code), contexts, tables, bytes});
    } else {
      refuse_code("has a plane of no method");
    }
  }
  if (!code.empty()) refuse_code("does not end as it should");
  with_width(shape.form.n_bytes,
             [&](auto width) { join<decltype(width)>(has_sign_bit(shape.form), planes.data(), out); });
}

}  // namespace tidemill
