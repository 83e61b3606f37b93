// For tests only: the bytes of a safetensors file from any header text, sound or not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace tidemill {

// The length of `header`, the header, the data.
inline std::string safetensors_text(std::string_view header, std::string_view data = {}) {
  const uint64_t length = header.size();
  std::string file(sizeof length, '\0');
  std::memcpy(file.data(), &length, sizeof length);
  return file.append(header).append(data);
}

inline std::vector<std::byte> bytes_of(std::string_view text) {
  const auto* const begin = reinterpret_cast<const std::byte*>(text.data());
  return {begin, begin + text.size()};
}

// `"NAME":{"dtype":"DTYPE","shape":SHAPE,"data_offsets":[BEGIN,END]}`
inline std::string safetensors_entry(std::string_view name, std::string_view dtype, std::string_view shape,
                                     uint64_t begin, uint64_t end) {
  return "\"" + std::string(name) + "\":{\"dtype\":\"" + std::string(dtype) + "\",\"shape\":" + std::string(shape) +
         ",\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(end) + "]}";
}

// A small file with something of everything; the header's length is a multiple of 8.
inline std::string sample_safetensors() {
  std::string header =
      "{\"__metadata__\":{\"format\":\"pt\",\"note\":\"gr\\u00fc\\n\"}," +
      safetensors_entry("wq", "F32", "[2,3]", 0, 24) + "," + safetensors_entry("scale", "BF16", "[]", 24, 26) + "," +
      safetensors_entry("mask", "BOOL", "[3]", 26, 29) + "," + safetensors_entry("nothing", "I64", "[0,4]", 29, 29) +
      "," + safetensors_entry("odd", "F16", "[2]", 29, 33) + "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const float wq[6] = {1, 2, 3, 4, 5, 6};
  std::string data(sizeof wq, '\0');
  std::memcpy(data.data(), wq, sizeof wq);
  return safetensors_text(header, data.append("\x80\x3f\1\0\1\x00\x3c\x00\x40", 9));
}

}  // namespace tidemill
