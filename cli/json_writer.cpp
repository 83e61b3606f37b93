#include "cli/json_writer.h"

#include <cstdio>

#include "tidemill/vector_json.h"

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
  std::fputs(number_json(value).c_str(), stdout);
}

void write_array(std::span<const float> values) {
  write_all(values, write_number);
}

void write_array(std::span<const int32_t> values) {
  write_all(values, +[](int32_t value) { std::printf("%d", value); });
}

}  // namespace tidemill::cli
