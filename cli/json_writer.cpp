#include "cli/json_writer.h"

#include <charconv>
#include <cmath>
#include <cstdio>

namespace tidemill::cli {
namespace {

template <typename T>
void write_all(std::span<const T> values, void (*write_one)(T)) {
  std::fputc('[', stdout);
  for (size_t index = 0; index < values.size(); ++index) {
    if (index > 0) std::fputc(',', stdout);
    write_one(values[index]);
  }
  std::fputc(']', stdout);
}

}  // namespace

void write_number(float value) {
  if (!std::isfinite(value)) {
    std::fputs("null", stdout);
    return;
  }
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  std::fwrite(text, 1, static_cast<size_t>(end - text), stdout);
}

void write_array(std::span<const float> values) {
  write_all(values, write_number);
}

void write_array(std::span<const int32_t> values) {
  write_all(values, +[](int32_t value) { std::printf("%d", value); });
}

}  // namespace tidemill::cli
