// Characters as Python's `str` sees them: indices, classes of characters, and case.
//
// All text inside the interpreter is valid UTF-8: it is checked where it enters (template source, JSON, escapes).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "text/unicode/code_points.h"

namespace tidemill::jinja {

// The character that ends at `position`, which is moved to its start; position > 0.
char32_t previous_code_point(std::string_view text, size_t& position);

// Number of characters.
size_t count_characters(std::string_view text);
// Byte offset of the character with that index, text.size() past the end.
size_t byte_offset(std::string_view text, size_t index);

bool is_space(char32_t character);
bool is_alphabetic(char32_t character);
bool is_decimal(char32_t character);
int decimal_value(char32_t character);  // of a decimal character
bool is_digit(char32_t character);
bool is_numeric(char32_t character);
bool is_printable(char32_t character);
bool is_uppercase(char32_t character);
bool is_lowercase(char32_t character);
bool is_titlecase(char32_t character);

// str.upper, lower, title, capitalize, swapcase.
std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
std::string to_title(std::string_view text);
std::string capitalize(std::string_view text);
std::string swap_case(std::string_view text);

enum class LineEnds { drop, keep };
// str.splitlines: at every line end that Unicode knows.
std::vector<std::string_view> split_lines(std::string_view text, LineEnds ends = LineEnds::drop);

}  // namespace tidemill::jinja
