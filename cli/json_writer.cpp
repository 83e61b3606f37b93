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

std::string to_json(float value) {
  if (!std::isfinite(value)) return "null";
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

}  // namespace

void write_number(float value) {
  std::fputs(to_json(value).c_str(), stdout);
}

std::string to_json(std::span<const float> values) {
  std::string text = "[";
  for (const float value : values) text += (text.size() > 1 ? "," : "") + to_json(value);
  return text + "]";
}

void write_array(std::span<const float> values) {
  write_all(values, write_number);
}

void write_array(std::span<const int32_t> values) {
  write_all(values, +[](int32_t value) { std::printf("%d", value); });
}

}  // namespace tidemill::cli
