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

size_t SplitScanner::piece_end(const Gpt2Rules&, size_t pos) const {
  if (const size_t end = skip_contraction(pos, false); end > pos) return end;
  const size_t word = text_[pos] == ' ' ? pos + 1 : pos;
  if (is(word, kind::letter)) return skip(word, kind::letter);
  if (is(word, kind::number)) return skip(word, kind::number);
  if (is_not(word, kind::space)) return skip_not(word, kind::space | kind::letter | kind::number);
  return blank_end(space_at(pos), pos, end_);
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

}  // namespace tidemill
