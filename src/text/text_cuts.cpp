#include "text/text_cuts.h"

#include <algorithm>
#include <string>

#include "text/pieces/space_symbol.h"
#include "text/unicode/code_points.h"
#include "text/unicode/unicode.h"
#include "text/unicode/utf8.h"
#include "text/word_parts.h"

namespace tidemill {
namespace {

// The character that ends at byte `end` of `text`; none where no UTF-8 stands there.
std::optional<char32_t> character_before(std::string_view text, size_t end) {
  constexpr size_t kLongest = 4;
  for (size_t size = 1; size <= std::min(end, kLongest); ++size) {
    const std::string_view bytes = text.substr(end - size, size);
    if ((static_cast<uint8_t>(bytes[0]) & 0xC0) == 0x80) continue;
    const Utf8Step step = utf8_step(bytes);
    size_t pos = 0;
    return step.valid && step.n_bytes == size ? std::optional(next_code_point(bytes, pos)) : std::nullopt;
  }
  return {};
}

std::optional<char32_t> character_at(std::string_view text, size_t begin) {
  const std::string_view rest = text.substr(begin);
  size_t pos = 0;
  return !rest.empty() && utf8_step(rest).valid ? std::optional(next_code_point(rest, pos)) : std::nullopt;
}

// Letters and numbers that no normal form makes begin or end with white space, or nothing but marks: those that do are
// this one and some presentation forms.
bool is_plain(char32_t c) {
  constexpr char32_t kYpogegrammeni = 0x37A, kPresentationForms = 0xFB00;
  return c != kYpogegrammeni && c < kPresentationForms && (unicode::is_letter(c) || unicode::is_number(c));
}

// Letters that stay so, as one character, when they are composed.
bool is_unspaced_letter(char32_t c) {
  const auto between = [c](char32_t first, char32_t last) { return first <= c && c <= last; };
  return between(0x3041, 0x3096) || between(0x30A1, 0x30FA) || between(0x4E00, 0x9FA5) || between(0xAC00, 0xD7A3);
}

// Punctuation that no pattern joins to what is before it; in no normal form another kind of character.
bool is_unspaced_punctuation(char32_t c) {
  constexpr std::u32string_view kMarks =
      U"\u3001\u3002\u300C\u300D\u300E\u300F\uFF01\uFF08\uFF09\uFF0C\uFF1A\uFF1B\uFF1F";
  return kMarks.find(c) != kMarks.npos;
}

// No white space, and not removed by any normalizer.
bool is_lasting(char32_t c) {
  return ('!' <= c && c <= '~') || is_plain(c) || is_unspaced_punctuation(c);
}

bool is_line_end(std::string_view text, size_t at) {
  if (at < 2 || text[at - 1] != '\n') return false;
  const auto before = character_before(text, at - 1);
  const auto letter = character_at(text, at);
  return before && is_lasting(*before) && letter && is_plain(*letter) && unicode::is_letter(*letter);
}

bool is_before_punctuation(std::string_view text, size_t at) {
  const auto mark = character_at(text, at);
  if (!mark || !is_unspaced_punctuation(*mark)) return false;
  const auto before = character_before(text, at);
  return before && is_unspaced_letter(*before);
}

bool is_space_behind_word(std::string_view text, size_t at) {
  const auto before = character_before(text, at);
  return before && is_plain(*before);
}

std::optional<TextCut> cut_at(const TextCuts& cuts, std::string_view text, size_t at) {
  const TextCut here{at, at};
  if (text[at] == ' ') {
    if (cuts.word_ends && is_word_end(text, at)) return here;
    if (cuts.spaces && is_space_behind_word(text, at)) return here;
    const bool joined = cuts.joined_words && is_word_end(text, at) && at + 1 < text.size();
    return joined && is_ascii_letter_or_digit(text[at + 1]) ? std::optional(TextCut{at, at + 1}) : std::nullopt;
  }
  if (cuts.line_ends && is_line_end(text, at)) return here;
  const bool may_be_mark = static_cast<uint8_t>(text[at]) >= 0xE3;  // what all of them begin with, or more
  return cuts.punctuation && may_be_mark && is_before_punctuation(text, at) ? std::optional(here) : std::nullopt;
}

bool spans_word_end(std::string_view spelling) {
  for (size_t at = 1; at < spelling.size(); ++at) {
    if (spelling[at] == ' ' && spelling[at - 1] != ' ') return true;
  }
  return false;
}

bool holds_unspaced_punctuation(std::string_view spelling) {
  for (size_t at = 0; at < spelling.size(); ++at) {
    const auto c = character_at(spelling, at);
    if (c && is_unspaced_punctuation(*c)) return true;
  }
  return false;
}

// True for what may be found at the space between two words, or at the second of them.
bool may_begin_joined_word(std::string_view spelling) {
  if (spelling.starts_with(' ')) spelling.remove_prefix(1);
  return spelling.empty() || is_ascii_letter_or_digit(spelling[0]);
}

}  // namespace

std::optional<TextCut> find_cut(const TextCuts& cuts, std::string_view text, size_t from) {
  for (size_t at = from; at < text.size() && cuts.any(); ++at) {
    if (const auto cut = cut_at(cuts, text, at)) return cut;
  }
  return {};
}

TextCuts cuts_beside(TextCuts cuts, const AddedTokens& added) {
  for (size_t k = 0; k < added.tokens().size(); ++k) {
    const AddedToken& token = added.tokens()[k];
    for (const std::string_view name : {std::string_view(token.content), added.spelling(k)}) {
      const std::string spelling = unescape_spaces(name);
      if (spans_word_end(spelling) || token.rstrip || (token.single_word && spelling.starts_with(' '))) {
        cuts.word_ends = cuts.spaces = cuts.joined_words = false;
      }
      const bool looks_around = token.lstrip || token.rstrip || token.single_word;
      if (looks_around || spelling.find('\n') != spelling.npos) cuts.line_ends = false;
      if (looks_around || holds_unspaced_punctuation(spelling)) cuts.punctuation = false;
      if (looks_around || may_begin_joined_word(spelling)) cuts.joined_words = false;
    }
  }
  return cuts;
}

std::vector<std::string_view> cut_text(const TextCuts& cuts, std::string_view text, size_t n_parts) {
  std::vector<std::string_view> parts;
  size_t begin = 0;
  for (size_t k = 1; k < n_parts; ++k) {
    const auto cut = find_cut(cuts, text, std::max(begin + 1, text.size() / n_parts * k));
    if (!cut) break;
    parts.push_back(text.substr(begin, cut->end - begin));
    begin = cut->begin;
  }
  if (begin < text.size() || parts.empty()) parts.push_back(text.substr(begin));
  return parts;
}

}  // namespace tidemill
