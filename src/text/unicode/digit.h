// ASCII digits of any base up to 16.
#pragma once

namespace tidemill {

// What the digit is worth; -1 when `c` is no digit of that base.
constexpr int digit_value(char c, int base = 16) {
  const char lower = static_cast<char>(c | 0x20);
  const int value = c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : base;
  return value < base ? value : -1;
}

}  // namespace tidemill
