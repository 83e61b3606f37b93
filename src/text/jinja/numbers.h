// Numbers as text and back, the way Python does it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidemill::jinja {

// repr(float): the shortest text that reads back as the same number: "0.1", "1e+16", "inf".
std::string float_repr(double number);

// int(text, base) with base 0 or 2 to 36; nothing when Python raises ValueError.  Throws Failure(value) for a number
// past 64 bits.
std::optional<int64_t> parse_int(std::string_view text, int base = 10);
// float(text); nothing when Python raises ValueError.
std::optional<double> parse_float(std::string_view text);

// int(number): without what is behind the point.  Throws Failure(value) for infinities, NaN and what does not fit.
int64_t truncate_to_int(double number);

// round(number, digits): the nearest, ties to even, of the exact binary value.
double round_to_digits(double number, int64_t digits);
int64_t round_to_digits(int64_t number, int64_t digits);

}  // namespace tidemill::jinja
