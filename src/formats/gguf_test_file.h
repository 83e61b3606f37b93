// For tests only: builds the bytes of a GGUF file piece by piece, and wrong ones where a test asks for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/gguf_value.h"

namespace tidemill {

// The bytes of a number, little-endian, and of a string with its length before it.
template <typename Number>
std::string raw(Number number) {
  std::string bytes(sizeof number, '\0');
  std::memcpy(bytes.data(), &number, sizeof number);
  return bytes;
}

inline std::string raw_string(std::string_view text) {
  return raw(uint64_t{text.size()}) + std::string(text);
}

struct GgufTestFile {
  std::string magic = "GGUF";
  uint32_t version = 3;
  size_t alignment = 32;                   // of the data; say so by a metadata entry too
  std::optional<uint64_t> n_tensors_said;  // in the header, instead of the truth
  std::optional<uint64_t> n_entries_said;
  uint64_t n_tensors = 0;
  uint64_t n_entries = 0;
  std::string entries, infos, data;

  GgufTestFile& entry(std::string_view key, GgufType type, const std::string& value) {
    return raw_entry(raw_string(key) + raw(type) + value);
  }
  GgufTestFile& raw_entry(const std::string& bytes) {
    entries += bytes;
    ++n_entries;
    return *this;
  }
  GgufTestFile& list(std::string_view key, GgufType type, uint64_t n_items, const std::string& items) {
    return entry(key, GgufType::array, raw(type) + raw(n_items) + items);
  }

  // Dimensions are innermost first, as in the file; the data are appended and padded to the alignment.
  GgufTestFile& tensor(std::string_view name, const std::vector<uint64_t>& dims, uint32_t type,
                       const std::string& content) {
    data.resize((data.size() + alignment - 1) / alignment * alignment);
    tensor_at(name, dims, type, data.size());
    data += content;
    return *this;
  }
  // An entry for data that this file has elsewhere, or not at all.
  GgufTestFile& tensor_at(std::string_view name, const std::vector<uint64_t>& dims, uint32_t type, uint64_t offset) {
    infos += raw_string(name) + raw(static_cast<uint32_t>(dims.size()));
    for (const uint64_t dim : dims) infos += raw(dim);
    infos += raw(type) + raw(offset);
    ++n_tensors;
    return *this;
  }

  std::vector<std::byte> bytes() const {
    std::string file = magic + raw(version) + raw(n_tensors_said.value_or(n_tensors)) +
                       raw(n_entries_said.value_or(n_entries)) + entries + infos;
    if (n_tensors > 0) file.resize((file.size() + alignment - 1) / alignment * alignment);
    file += data;
    const auto* const begin = reinterpret_cast<const std::byte*>(file.data());
    return {begin, begin + file.size()};
  }

  void write(const std::string& path) const {
    const auto content = bytes();
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
  }
};

// A small file with something of everything: all kinds of metadata, four tensors, its last byte part of the last one.
inline GgufTestFile sample_gguf() {
  GgufTestFile file;
  file.entry("general.architecture", GgufType::string, raw_string("tiny"))
      .entry("tiny.u8", GgufType::u8, raw(uint8_t{200}))
      .entry("tiny.i8", GgufType::i8, raw(int8_t{-100}))
      .entry("tiny.u16", GgufType::u16, raw(uint16_t{60000}))
      .entry("tiny.i16", GgufType::i16, raw(int16_t{-30000}))
      .entry("tiny.u32", GgufType::u32, raw(uint32_t{4000000000}))
      .entry("tiny.i32", GgufType::i32, raw(int32_t{-2000000000}))
      .entry("tiny.u64", GgufType::u64, raw(~uint64_t{0}))
      .entry("tiny.i64", GgufType::i64, raw(int64_t{-1} << 62))
      .entry("tiny.f32", GgufType::f32, raw(0.5f))
      .entry("tiny.f64", GgufType::f64, raw(0.1))
      .entry("tiny.yes", GgufType::boolean, raw(uint8_t{1}))
      .entry("tiny.no", GgufType::boolean, raw(uint8_t{0}))
      .list("tiny.tokens", GgufType::string, 3, raw_string("a") + raw_string("") + raw_string("\xe2\x96\x81the"))
      .list("tiny.scores", GgufType::f32, 2, raw(-1.5f) + raw(2.0f))
      .list("tiny.types", GgufType::i32, 3, raw(int32_t{1}) + raw(int32_t{-2}) + raw(int32_t{3}))
      .list("tiny.large", GgufType::u64, 2, raw(uint64_t{1}) + raw(~uint64_t{0}))
      .list("tiny.flags", GgufType::boolean, 2, std::string("\1\0", 2))
      .list("tiny.nothing", GgufType::string, 0, "");
  file.tensor("wq", {2, 3}, 0, raw(1.0f) + raw(2.0f) + raw(3.0f) + raw(4.0f) + raw(5.0f) + raw(6.0f))
      .tensor("norm", {3}, 1, std::string("\x00\x3c\x00\x40\x00\x42", 6))
      .tensor("w_up", {64, 2}, 8, std::string(4 * 34, '\1'))
      .tensor("conv", {1, 2, 1, 2}, 24, std::string("\1\2\3\4", 4));
  return file;
}

}  // namespace tidemill
