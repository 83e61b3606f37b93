#include "text/jinja/unicode.h"

#include <algorithm>
#include <span>

#include "text/jinja/unicode_tables.h"

namespace tidemill::jinja {
namespace {

template <typename Run>
const Run* find_run(std::span<const Run> runs, char32_t character) {
  auto after = std::upper_bound(runs.begin(), runs.end(), character,
                                [](char32_t value, const Run& run) { return value < run.first; });
  if (after == runs.begin()) return nullptr;
  const Run& run = *--after;
  return character <= run.last && (character - run.first) % run.step == 0 ? &run : nullptr;
}

bool contains(std::span<const CodeRun> runs, char32_t character) {
  return find_run(runs, character) != nullptr;
}

void append_mapped(std::string& out, char32_t character, std::span<const CaseRun> runs,
                   std::span<const CaseExpansion> expansions) {
  if (const CaseRun* run = find_run(runs, character)) {
    append_code_point(out, static_cast<char32_t>(static_cast<int32_t>(character) + run->delta));
    return;
  }
  const auto found = std::lower_bound(expansions.begin(), expansions.end(), character,
                                      [](const CaseExpansion& row, char32_t value) { return row.from < value; });
  if (character < 0x80 || found == expansions.end() || found->from != character)
    return append_code_point(out, character);
  for (char32_t part : found->to)
    if (part != 0) append_code_point(out, part);
}

bool is_cased(char32_t character) {
  return is_uppercase(character) || is_lowercase(character) || is_titlecase(character);
}

// Whether the capital sigma in [begin, end) ends a word: a cased letter before it, none after it.
bool is_final_sigma(std::string_view text, size_t begin, size_t end) {
  char32_t before = 0;
  while (begin > 0) {
    before = previous_code_point(text, begin);
    if (!contains(kCaseIgnorable, before)) break;
    before = 0;
  }
  if (before == 0 || !is_cased(before)) return false;
  while (end < text.size()) {
    const char32_t after = next_code_point(text, end);
    if (!contains(kCaseIgnorable, after)) return !is_cased(after);
  }
  return true;
}

constexpr char32_t kCapitalSigma = 0x3A3;

// The character of `text` that ends at `end`, in lower case.
void append_lower(std::string& out, std::string_view text, char32_t character, size_t begin, size_t end) {
  if (character == kCapitalSigma)
    append_code_point(out, is_final_sigma(text, begin, end) ? 0x3C2 : 0x3C3);
  else
    append_mapped(out, character, kToLower, kToLowerLong);
}

bool ends_line(char32_t character) {
  return (character >= 0x0A && character <= 0x0D) || (character >= 0x1C && character <= 0x1E) || character == 0x85 ||
         character == 0x2028 || character == 0x2029;
}

}  // namespace

char32_t previous_code_point(std::string_view text, size_t& position) {
  position = previous_start(text, position);
  size_t forward = position;
  return next_code_point(text, forward);
}

size_t count_characters(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }));
}

size_t byte_offset(std::string_view text, size_t index) {
  size_t position = 0;
  while (position < text.size()) {
    if ((static_cast<unsigned char>(text[position]) & 0xC0) != 0x80 && index-- == 0) return position;
    ++position;
  }
  return position;
}

bool is_space(char32_t character) {
  return (character >= 9 && character <= 13) || (character >= 28 && character <= 32) || character == 0x85 ||
         character == 0xA0 || character == 0x1680 || (character >= 0x2000 && character <= 0x200A) ||
         character == 0x2028 || character == 0x2029 || character == 0x202F || character == 0x205F ||
         character == 0x3000;
}

bool is_alphabetic(char32_t character) {
  return contains(kAlphabetic, character);
}
bool is_decimal(char32_t character) {
  return contains(kDecimal, character);
}
// Decimal digits stand in runs of whole tens.
int decimal_value(char32_t character) {
  return static_cast<int>((character - find_run(kDecimal, character)->first) % 10);
}
bool is_digit(char32_t character) {
  return contains(kDigit, character);
}
bool is_numeric(char32_t character) {
  return contains(kNumeric, character);
}
bool is_printable(char32_t character) {
  return character < 0x7F ? character >= 0x20 : !contains(kUnprintable, character);
}
bool is_uppercase(char32_t character) {
  return contains(kUppercase, character);
}
bool is_lowercase(char32_t character) {
  return contains(kLowercase, character);
}
bool is_titlecase(char32_t character) {
  return contains(kTitlecase, character);
}

std::string to_upper(std::string_view text) {
  std::string out;
  for (size_t position = 0; position < text.size();)
    append_mapped(out, next_code_point(text, position), kToUpper, kToUpperLong);
  return out;
}

std::string to_lower(std::string_view text) {
  std::string out;
  for (size_t position = 0; position < text.size();) {
    const size_t begin = position;
    const char32_t character = next_code_point(text, position);
    append_lower(out, text, character, begin, position);
  }
  return out;
}

std::string to_title(std::string_view text) {
  std::string out;
  bool inside_word = false;
  for (size_t position = 0; position < text.size();) {
    const size_t begin = position;
    const char32_t character = next_code_point(text, position);
    if (inside_word)
      append_lower(out, text, character, begin, position);
    else
      append_mapped(out, character, kToTitle, kToTitleLong);
    inside_word = is_cased(character);
  }
  return out;
}

std::string capitalize(std::string_view text) {
  std::string out;
  for (size_t position = 0; position < text.size();) {
    const size_t begin = position;
    const char32_t character = next_code_point(text, position);
    if (begin == 0)
      append_mapped(out, character, kToTitle, kToTitleLong);
    else
      append_lower(out, text, character, begin, position);
  }
  return out;
}

std::string swap_case(std::string_view text) {
  std::string out;
  for (size_t position = 0; position < text.size();) {
    const size_t begin = position;
    const char32_t character = next_code_point(text, position);
    if (is_uppercase(character))
      append_lower(out, text, character, begin, position);
    else if (is_lowercase(character))
      append_mapped(out, character, kToUpper, kToUpperLong);
    else
      append_code_point(out, character);
  }
  return out;
}

std::vector<std::string_view> split_lines(std::string_view text, LineEnds ends) {
  std::vector<std::string_view> lines;
  size_t begin = 0;
  for (size_t position = 0; position < text.size();) {
    const size_t end = position;
    const char32_t character = next_code_point(text, position);
    if (!ends_line(character)) continue;
    if (character == '\r' && position < text.size() && text[position] == '\n') ++position;
    lines.push_back(text.substr(begin, (ends == LineEnds::keep ? position : end) - begin));
    begin = position;
  }
  if (begin < text.size()) lines.push_back(text.substr(begin));
  return lines;
}

}  // namespace tidemill::jinja
