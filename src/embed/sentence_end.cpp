#include "embed/sentence_end.h"

#include <algorithm>
#include <string>

#include "text/unicode/unicode.h"
#include "text/unicode/utf8.h"

namespace tidemill {
namespace {

using unicode::Category;

// After these a space must follow, for "3.14" and "example.com" end nothing.
constexpr std::u32string_view kSpacedEnds = U".!?\u2026";
// These end a sentence whatever follows: full stops and question marks of Chinese and Japanese, Arabic and Urdu,
// Armenian, Devanagari, Burmese, Khmer, Ethiopic and Tibetan.
constexpr std::u32string_view kEnds =
    U"\u3002\uFF01\uFF1F\uFF61\uFF0E\u203C\u2047\u2048\u2049\u061F\u06D4\u0589\u0964\u0965\u104A\u104B\u17D4\u17D5"
    U"\u1362\u1367\u1368\u0F0D\u0F0E";
constexpr std::u32string_view kQuotes = U"\"'\u201D\u2019\u00BB";
constexpr char32_t kParagraphSeparator = 0x2029;

// Words before a full stop that rarely end a sentence, in lower case.
constexpr std::string_view kAbbreviations[] = {
    "mr",   "mrs", "ms",  "dr",  "prof", "sr",  "jr",  "st",  "vs",  "fig", "vol", "no",   "approx",
    "dept", "gen", "gov", "sen", "rep",  "rev", "hon", "eq",  "sec", "ch",  "pp",  "al",   "cf",
    "mt",   "ca",  "nr",  "bzw", "str",  "hr",  "fr",  "bd",  "abb", "vgl", "mme", "mlle", "sra",
    "dra",  "av",  "tel", "art", "z.b",  "d.h", "u.a", "e.g", "i.e", "p.ej"};
constexpr size_t kLongestAbbreviation = 6;

bool is_in(std::u32string_view set, char32_t c) {
  return set.find(c) != std::u32string_view::npos;
}

bool closes(char32_t c) {
  return is_in(kQuotes, c) || unicode::category(c) == Category::Pe || unicode::category(c) == Category::Pf;
}

// The first place from `at` on where `is_wanted` does not hold; the end of the text when it always does.
template <typename Predicate>
size_t skip(std::string_view text, size_t at, Predicate is_wanted) {
  while (at < text.size()) {
    const DecodedCharacter next = first_character(text.substr(at));
    if (!is_wanted(next.code_point)) break;
    at += next.n_bytes;
  }
  return at;
}

// Whether the full stop at `at` belongs to what stands before it: "Dr.", "J.", "3.".
bool is_abbreviated(std::string_view text, size_t at) {
  size_t begin = at;
  while (begin > 0 && at - begin <= kLongestAbbreviation) {
    const DecodedCharacter before = last_character(text.substr(0, begin));
    if (unicode::is_white_space(before.code_point) || unicode::category(before.code_point) == Category::Ps) break;
    begin -= before.n_bytes;
  }
  std::string word(text.substr(begin, at - begin));
  if (word.empty()) return false;
  const DecodedCharacter first = first_character(word);
  if (first.n_bytes == word.size() && unicode::has(first.code_point, unicode::Flag::uppercase)) return true;
  if (word.size() <= 2 && std::ranges::all_of(word, [](char c) { return c >= '0' && c <= '9'; })) return true;
  for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return std::ranges::find(kAbbreviations, word) != std::end(kAbbreviations);
}

enum class Verdict { ends, goes_on, unknown };

// About the mark at `at`; `end` becomes the place behind it and what closes with it.
Verdict judge_mark(std::string_view text, size_t at, bool is_all, size_t& end) {
  const auto is_mark = [](char32_t c) { return is_in(kSpacedEnds, c) || is_in(kEnds, c); };
  const size_t marks_end = skip(text, at, is_mark);
  end = skip(text, marks_end, closes);
  if (end == text.size()) return is_all ? Verdict::ends : Verdict::unknown;
  if (is_in(kEnds, last_character(text.substr(0, marks_end)).code_point)) return Verdict::ends;
  if (!unicode::is_white_space(first_character(text.substr(end)).code_point)) return Verdict::goes_on;
  if (text.substr(at, marks_end - at) == "." && is_abbreviated(text, at)) return Verdict::goes_on;
  const size_t next = skip(text, end, unicode::is_white_space);
  if (std::ranges::count(text.substr(end, next - end), '\n') > 1) return Verdict::ends;  // a paragraph does
  if (next == text.size()) return is_all ? Verdict::ends : Verdict::unknown;
  const bool is_lower = unicode::has(first_character(text.substr(next)).code_point, unicode::Flag::lowercase);
  return is_lower ? Verdict::goes_on : Verdict::ends;
}

// About the line end at `at`: with another one behind it, a paragraph ends.
Verdict judge_line_end(std::string_view text, size_t at, bool is_all) {
  const size_t next = skip(text, at + 1, [](char32_t c) { return c == ' ' || c == '\t' || c == '\r'; });
  if (next == text.size()) return is_all ? Verdict::ends : Verdict::unknown;
  return text[next] == '\n' ? Verdict::ends : Verdict::goes_on;
}

}  // namespace

std::optional<size_t> SentenceScanner::find_end(std::string_view text, bool is_all) {
  size_t at = begin_;
  while (at < text.size()) {
    const DecodedCharacter c = first_character(text.substr(at));
    size_t end = at;
    Verdict verdict = Verdict::goes_on;
    if (c.code_point == '\n')
      verdict = judge_line_end(text, at, is_all);
    else if (c.code_point == kParagraphSeparator)
      verdict = Verdict::ends;
    else if (is_in(kSpacedEnds, c.code_point) || is_in(kEnds, c.code_point))
      verdict = judge_mark(text, at, is_all, end);
    begin_ = at;
    if (verdict == Verdict::ends) return end;
    if (verdict == Verdict::unknown) return std::nullopt;
    at = std::max(end, at + c.n_bytes);
  }
  begin_ = at;
  if (is_all && at > 0) return at;
  return std::nullopt;
}

}  // namespace tidemill
