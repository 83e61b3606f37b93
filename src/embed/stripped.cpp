#include "embed/stripped.h"

#include "text/unicode/unicode.h"
#include "text/unicode/utf8.h"

namespace tidemill {
namespace {

// Python counts the separators of files, groups, records and units, too.
bool is_python_space(char32_t c) {
  return unicode::is_white_space(c) || (c >= 0x1C && c <= 0x1F);
}

}  // namespace

std::string_view stripped(std::string_view text) {
  while (!text.empty()) {
    const DecodedCharacter first = first_character(text);
    if (!is_python_space(first.code_point)) break;
    text.remove_prefix(first.n_bytes);
  }
  while (!text.empty()) {
    const DecodedCharacter last = last_character(text);
    if (!is_python_space(last.code_point)) break;
    text.remove_suffix(last.n_bytes);
  }
  return text;
}

}  // namespace tidemill
