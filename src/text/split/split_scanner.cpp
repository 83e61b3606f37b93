#include "text/split/split_scanner.h"

namespace tidemill {

size_t SplitScanner::skip(size_t pos, uint8_t kinds) const {
  while (pos < end_) {
    const SplitCharacter c = at(pos);
    if (!c.is(kinds)) break;
    pos += c.size;
  }
  return pos;
}

size_t SplitScanner::skip_not(size_t pos, uint8_t kinds) const {
  while (pos < end_) {
    const SplitCharacter c = at(pos);
    if (c.is(kinds)) break;
    pos += c.size;
  }
  return pos;
}

size_t SplitScanner::skip_newlines(size_t pos, bool and_slashes) const {
  while (pos < end_ && (text_[pos] == '\r' || text_[pos] == '\n' || (and_slashes && text_[pos] == '/'))) ++pos;
  return pos;
}

size_t SplitScanner::skip_numbers(size_t pos, int max) const {
  for (int n = 0; n < max && is(pos, kind::number); ++n) pos += at(pos).size;
  return pos;
}

size_t SplitScanner::skip_contraction(size_t pos, bool any_case) const {
  if (byte(pos) != '\'') return pos;
  const auto letter = [&](size_t where) {
    const char c = byte(where);
    return any_case && 'A' <= c && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  const char first = letter(pos + 1);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return pos + 2;
  const char second = letter(pos + 2);
  if ((first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l')) {
    return pos + 3;
  }
  return any_case && is_long_s(pos + 1) ? pos + 3 : pos;
}

SplitScanner::Space SplitScanner::space_at(size_t pos) const {
  Space space{pos, pos, 0};
  while (space.end < end_) {
    const SplitCharacter c = at(space.end);
    if (!c.is(kind::space)) break;
    space.last = space.end;
    space.end += c.size;
    if (c.is(kind::newline)) space.past_newline = space.end;
  }
  return space;
}

size_t SplitScanner::blank_end(const Space& space, size_t pos, size_t text_end) {
  return space.end == text_end || space.last == pos ? space.end : space.last;
}

size_t SplitScanner::piece_end(const Gpt2Rules& rules, size_t pos) const {
  if (const size_t end = skip_contraction(pos, false); end > pos) return end;
  if (rules.single_numbers && is(pos, kind::number)) return pos + at(pos).size;
  const size_t word = text_[pos] == ' ' ? pos + 1 : pos;
  if (is(word, kind::letter)) return skip(word, kind::letter);
  if (is(word, kind::number) && !rules.single_numbers) return skip(word, kind::number);
  if (is_not(word, kind::space | kind::letter | kind::number)) {
    return skip_not(word, kind::space | kind::letter | kind::number);
  }
  const Space space = space_at(pos);
  return rules.single_numbers && is(space.end, kind::number) ? space.end : blank_end(space, pos, end_);
}

size_t SplitScanner::piece_end(const Cl100kRules& rules, size_t pos) const {
  if (const size_t end = skip_contraction(pos, true); end > pos) return end;
  const uint8_t letters = rules.marks_join ? kind::letter | kind::mark : kind::letter;
  const SplitCharacter first = at(pos);
  const size_t next = pos + first.size;
  if (!first.is(kind::newline | kind::letter | kind::number) && is(next, letters)) return skip(next, letters);
  if (first.is(letters)) return skip(pos, letters);
  if (first.is(kind::number)) return skip_numbers(pos, rules.max_digits);
  const size_t symbols = first.c == ' ' ? next : pos;
  if (is_not(symbols, kind::space | kind::number | letters)) {
    return skip_newlines(skip_not(symbols, kind::space | kind::number | letters), false);
  }
  const Space space = space_at(pos);
  if (rules.whole_end && space.end == end_) return end_;
  return space.past_newline > 0 ? space.past_newline : blank_end(space, pos, end_);
}

// U*W+ at `pos`; `pos` where it does not match.
size_t SplitScanner::skip_cased_word(size_t pos) const {
  size_t caseless_end = pos;  // past the last letter of both cases
  size_t upper_end = pos;
  while (upper_end < end_) {
    const SplitCharacter c = at(upper_end);
    if (!c.is(kind::upper | kind::other_letter | kind::mark)) break;
    upper_end += c.size;
    if (!c.is(kind::upper)) caseless_end = upper_end;
  }
  const size_t end = skip(upper_end, kind::lower | kind::other_letter | kind::mark);
  return end > upper_end ? end : caseless_end;
}

// U+W* at `pos`, where U*W+ does not match.
size_t SplitScanner::skip_upper_word(size_t pos) const {
  return skip(pos, kind::upper);
}

// The words of o200k without contraction; `pos` where there is none.
size_t SplitScanner::skip_o200k_word(size_t pos) const {
  const SplitCharacter first = at(pos);
  const bool may_precede = !first.is(kind::newline | kind::letter | kind::number);
  const size_t next = pos + first.size;
  if (may_precede && next < end_) {
    if (const size_t end = skip_cased_word(next); end > next) return end;
  }
  if (const size_t end = skip_cased_word(pos); end > pos) return end;
  if (may_precede && next < end_) {
    if (const size_t end = skip_upper_word(next); end > next) return end;
  }
  return skip_upper_word(pos);
}

size_t SplitScanner::piece_end(const O200kRules& rules, size_t pos) const {
  if (const size_t end = skip_o200k_word(pos); end > pos) return rules.contractions ? skip_contraction(end, true) : end;
  const SplitCharacter first = at(pos);
  if (first.is(kind::number)) return skip_numbers(pos, rules.max_digits);
  const size_t symbols = first.c == ' ' ? pos + 1 : pos;
  if (is_not(symbols, kind::space | kind::number | kind::letter)) {
    return skip_newlines(skip_not(symbols, kind::space | kind::number | kind::letter), true);
  }
  const Space space = space_at(pos);
  return space.past_newline > 0 ? space.past_newline : blank_end(space, pos, end_);
}

namespace {

constexpr uint8_t kLetterOrMark = kind::letter | kind::mark;

// What DeepSeek's second pattern takes: [\u4E00-\u9FA5\u3040-\u30FF].
bool is_unspaced(const SplitCharacter& c) {
  return (0x4E00 <= c.c && c.c <= 0x9FA5) || (0x3040 <= c.c && c.c <= 0x30FF);
}

bool is_falcon_punctuation(const SplitCharacter& c) {
  if (!c.is(kind::graphic)) return false;
  return c.c < 0x80 || unicode::is_punctuation(c.c);  // all symbols of ASCII are named
}

}  // namespace

size_t SplitScanner::skip_ascii_letters(size_t pos) const {
  while (pos < end_ && static_cast<uint8_t>(text_[pos]) < 0x80 && at(pos).is(kind::letter)) ++pos;
  return pos;
}

bool SplitScanner::is_in_stretch(size_t pos, bool unspaced, uint8_t kinds) const {
  if (pos >= end_) return false;
  const SplitCharacter c = at(pos);
  return c.is(kinds) && is_unspaced(c) == unspaced;
}

size_t SplitScanner::skip_in_stretch(size_t pos, bool unspaced, uint8_t kinds) const {
  while (is_in_stretch(pos, unspaced, kinds)) pos += at(pos).size;
  return pos;
}

// Past the characters that no alternative takes; one before a letter is taken with it.
size_t SplitScanner::skip_unmatched(size_t pos, bool unspaced) const {
  constexpr uint8_t kMatched = kLetterOrMark | kind::graphic | kind::space | kind::number;
  while (pos < end_) {
    const SplitCharacter c = at(pos);
    if (c.is(kMatched) || is_unspaced(c) != unspaced || is_in_stretch(pos + c.size, unspaced, kLetterOrMark)) break;
    pos += c.size;
  }
  return pos;
}

size_t SplitScanner::piece_end(const DeepSeekRules&, size_t pos) const {
  const SplitCharacter first = at(pos);
  if (first.is(kind::number)) return skip_numbers(pos, 3);
  const bool unspaced = is_unspaced(first);
  const size_t next = pos + first.size;
  if (first.c < 0x80 && first.is(kind::graphic)) {
    if (const size_t end = skip_ascii_letters(next); end > next) return end;
  }
  const bool may_precede = !first.is(kind::newline | kind::letter | kind::graphic);
  if (first.is(kLetterOrMark) || (may_precede && is_in_stretch(next, unspaced, kLetterOrMark))) {
    return skip_in_stretch(next, unspaced, kLetterOrMark);
  }
  const size_t symbols = first.c == ' ' ? next : pos;
  if (is_in_stretch(symbols, unspaced, kind::graphic)) {
    const size_t end = skip_in_stretch(symbols, unspaced, kind::graphic);
    return unspaced ? end : skip_newlines(end, false);
  }
  if (!first.is(kind::space)) return skip_unmatched(pos, unspaced);
  const Space space = space_at(pos);
  if (space.past_newline > 0) return space.past_newline;
  const bool stretch_ends = space.end < end_ && (is(space.end, kind::number) || is_unspaced(at(space.end)));
  return stretch_ends ? space.end : blank_end(space, pos, end_);
}

size_t SplitScanner::skip_falcon_punctuation(size_t pos) const {
  while (pos < end_ && is_falcon_punctuation(at(pos))) pos += at(pos).size;
  return pos;
}

bool SplitScanner::has_three_digits(size_t pos) const {
  const auto is_digit = [&](size_t where) { return '0' <= byte(where) && byte(where) <= '9'; };
  return is_digit(pos) && is_digit(pos + 1) && is_digit(pos + 2);
}

size_t SplitScanner::piece_end(const FalconRules&, size_t pos) const {
  if (const size_t end = skip_falcon_punctuation(pos); end > pos) return end;
  const size_t word = text_[pos] == ' ' ? pos + 1 : pos;
  if (is(word, kind::letter)) return skip(word, kind::letter);
  if (is(word, kind::number)) {
    // Up to the next three digits, or the end of the numbers.
    if (has_three_digits(pos)) return pos + 3;
    size_t end = word;
    while (is(end, kind::number) && !has_three_digits(end)) end += at(end).size;
    return end;
  }
  size_t end = word;
  while (is_not(end, kind::space | kind::letter | kind::number) && !is_falcon_punctuation(at(end))) end += at(end).size;
  if (end > word) return end;
  const Space space = space_at(pos);
  const bool stretch_ends = space.end < end_ && is_falcon_punctuation(at(space.end));
  return stretch_ends ? space.end : blank_end(space, pos, end_);
}

}  // namespace tidemill
