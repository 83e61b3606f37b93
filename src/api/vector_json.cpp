#include "tidemill/vector_json.h"

#include <charconv>
#include <cmath>

namespace tidemill {
namespace {

constexpr size_t kLongestNumber = 32;

void append_number(std::string& text, float value) {
  if (!std::isfinite(value)) {
    text += "null";
    return;
  }
  char digits[kLongestNumber];
  text.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

}  // namespace

std::string number_json(float value) {
  std::string text;
  append_number(text, value);
  return text;
}

std::string vector_json(std::span<const float> values) {
  std::string text = "[";
  for (const float value : values) {
    if (text.size() > 1) text += ',';
    append_number(text, value);
  }
  return text + "]";
}

}  // namespace tidemill
