// Where pieces start in a window, for each family of patterns.  Included once per target by split_masks.cpp.
//
// A window begins where a piece does.  What is behind its end is not known, so that the last piece that starts in it is
// never taken to end there, and no start is given within white space that reaches its end.  The rules follow from the
// patterns of split_scanner.h; x << 1 are the places behind those of x.
#if defined(TIDEMILL_TEXT_SPLIT_STARTS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef TIDEMILL_TEXT_SPLIT_STARTS_INL_H
#undef TIDEMILL_TEXT_SPLIT_STARTS_INL_H
#else
#define TIDEMILL_TEXT_SPLIT_STARTS_INL_H
#endif

#include <hwy/highway.h>

#include <bit>

#include "text/split/split_scanner.h"
#include "text/split/split_window-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

HWY_INLINE uint64_t run_starts(uint64_t bits) {
  return bits & ~(bits << 1);
}

// The runs of `bits` that begin at `seeds`: adding carries through each of them.
HWY_INLINE uint64_t runs_from(uint64_t seeds, uint64_t bits) {
  return bits & ~(bits + seeds);
}

// Where the white space begins that reaches the end of the window; `n` when there is none.
HWY_INLINE size_t last_space_run(const Window& w) {
  return 64 - static_cast<size_t>(std::countl_zero(w.valid() & ~w.space));
}

// Starts without those that depend on what is behind the window.
HWY_INLINE uint64_t known_starts(uint64_t starts, const Window& w) {
  return w.at_end ? starts : starts & lowest(last_space_run(w));
}

// Every third number of each run, from its first.
HWY_INLINE uint64_t groups_of_three(uint64_t number) {
  uint64_t starts = run_starts(number);
  const uint64_t fourth = number & number << 1 & number << 2 & number << 3;
  for (uint64_t next = starts << 3 & fourth; next != 0; next = next << 3 & fourth) starts |= next;
  return starts;
}

// White space that is `spaces` (a run or its rest behind symbols), where new lines end pieces:
// \s*[\r\n]+|\s+(?!\S)|\s+
HWY_INLINE uint64_t space_starts(uint64_t spaces, bool whole_end, const Window& w) {
  const uint64_t blank = spaces & ~w.newline;
  uint64_t blank_starts = run_starts(blank);
  // Blanks before a new line belong to its piece.
  for (uint64_t ends = (blank + blank_starts) & ~blank & w.newline & spaces; ends != 0; ends &= ends - 1) {
    const uint64_t before = lowest(static_cast<size_t>(std::countr_zero(ends))) & ~blank;
    blank_starts &= ~(uint64_t{1} << (64 - std::countl_zero(before)) % 64);
  }
  const uint64_t last_blanks = blank & ~(w.space >> 1);
  const uint64_t starts = run_starts(spaces) | blank_starts;
  if (!w.at_end) return starts | last_blanks;
  if (whole_end && w.n > 0 && (spaces >> (w.n - 1) & 1)) {
    const size_t run = 64 - static_cast<size_t>(std::countl_zero(w.valid() & ~spaces));
    return (starts & lowest(run + 1)) | (last_blanks & lowest(run));
  }
  return starts | (last_blanks & ~(uint64_t{1} << (w.n - 1)));
}

// The bit behind the contraction at bit k; k when there is none.  The text is looked at, also behind the window.
HWY_INLINE size_t contraction_end(const SplitScanner& scanner, const Window& w, size_t begin, size_t k, bool any_case) {
  const size_t pos = begin + w.offset(k);
  const size_t end = scanner.skip_contraction(pos, any_case);
  return k + (scanner.is_long_s(pos + 1) && end > pos ? 2 : end - pos);
}

HWY_INLINE uint64_t bit_at(size_t k) {
  return k < 64 ? uint64_t{1} << k : 0;
}

HWY_INLINE uint64_t starts_of(const Gpt2Rules& rules, const SplitScanner& scanner, size_t begin, Window& w) {
  const uint64_t other = w.other();
  const uint64_t joined = w.blank_space << 1;
  const uint64_t other_starts = run_starts(other) & ~joined;
  uint64_t starts = run_starts(w.letter) & ~joined;
  for (uint64_t left = w.apostrophe & other_starts; left != 0; left &= left - 1) {
    const auto k = static_cast<size_t>(std::countr_zero(left));
    const size_t end = contraction_end(scanner, w, begin, k, false);
    if (end == k) continue;
    starts &= ~bit_at(k + 1);
    starts |= bit_at(end) & w.letter;
  }
  starts |= rules.single_numbers ? w.number : run_starts(w.number) & ~joined;
  const uint64_t at_end = w.at_end && w.n > 0 ? bit_at(w.n - 1) : 0;
  const uint64_t whole = at_end | (rules.single_numbers ? w.number >> 1 : 0);  // all white space up to there is a piece
  const uint64_t last_spaces = w.space & ~(w.space >> 1);
  return starts | other_starts | run_starts(w.space) | (last_spaces & ~whole);
}

// Of ASCII only.
HWY_INLINE uint64_t starts_of(const FalconRules&, const SplitScanner&, size_t, Window& w) {
  const uint64_t other = w.other() & ~w.graphic;
  const uint64_t joined = w.blank_space << 1;
  const uint64_t three_digits = w.number & w.number >> 1 & w.number >> 2;
  const uint64_t words = (run_starts(w.letter) | run_starts(other)) & ~joined;
  const uint64_t numbers = groups_of_three(w.number) & ~(run_starts(w.number) & joined & ~three_digits);
  const uint64_t at_end = w.at_end && w.n > 0 ? bit_at(w.n - 1) : 0;
  const uint64_t last_spaces = w.space & ~(w.space >> 1) & ~(w.graphic >> 1 | at_end);
  return words | numbers | run_starts(w.graphic) | run_starts(w.space) | last_spaces;
}

// Of ASCII only.
HWY_INLINE uint64_t starts_of(const DeepSeekRules&, const SplitScanner&, size_t, Window& w) {
  // Control characters are left to the scanner.
  if (const uint64_t hard = w.other() & ~w.graphic; hard != 0) [[unlikely]] {
    w.limit(static_cast<size_t>(std::countr_zero(hard)));
  }
  const uint64_t spaces = w.space & ~runs_from(w.newline & w.graphic << 1, w.newline);
  const uint64_t symbol_starts = run_starts(w.graphic) & ~(w.blank_space << 1);
  // A single symbol that no space is joined to, or a blank, belongs to the letters behind it.
  const uint64_t joined = symbol_starts << 1 | (w.space & ~w.newline) << 1;
  const uint64_t letters = run_starts(w.letter) & ~joined;
  // White space before numbers is one piece.
  const uint64_t blank = spaces & ~w.newline;
  const uint64_t whole = blank & blank << 1 & w.number >> 1;
  return letters | symbol_starts | groups_of_three(w.number) | (space_starts(spaces, false, w) & ~whole);
}

HWY_INLINE uint64_t starts_of(const Cl100kRules& rules, const SplitScanner& scanner, size_t begin, Window& w) {
  if (rules.marks_join) w.letter |= w.mark;
  const uint64_t other = w.other();
  const uint64_t spaces = w.space & ~runs_from(w.newline & other << 1, w.newline);
  const uint64_t other_starts = run_starts(other) & ~(w.blank_space << 1);
  // A single symbol or blank before letters belongs to them.
  const uint64_t joined = other_starts << 1 | (w.space & ~w.newline) << 1;
  uint64_t starts = run_starts(w.letter) & ~joined;
  for (uint64_t left = w.apostrophe & other_starts; left != 0; left &= left - 1) {
    const auto k = static_cast<size_t>(std::countr_zero(left));
    const size_t end = contraction_end(scanner, w, begin, k, true);
    if (end > k) starts |= bit_at(end) & w.letter;
  }
  starts |= rules.max_digits == 1 ? w.number : groups_of_three(w.number);
  return starts | other_starts | space_starts(spaces, rules.whole_end, w);
}

// What [\r\n/]* takes behind symbols, from a new line on.
HWY_INLINE uint64_t absorbed_by_symbols(const Window& w, uint64_t other) {
  const uint64_t taken = w.newline | w.slash;
  uint64_t seeds = w.newline & other << 1;
  if ((w.newline & w.slash << 1) == 0) [[likely]]
    return runs_from(seeds, taken);
  uint64_t absorbed = 0;
  while (seeds != 0) {  // one run may hold several
    absorbed |= runs_from(seeds & -seeds, taken);
    seeds &= ~absorbed;
  }
  return absorbed;
}

HWY_INLINE uint64_t starts_of(const O200kRules& rules, const SplitScanner& scanner, size_t begin, Window& w) {
  // Marks may be letters or symbols, and where upper case follows letters without case all of the word counts: such
  // places are left to the scanner.
  if (const uint64_t hard = w.mark | (w.upper & w.caseless << 1); hard != 0) [[unlikely]] {
    const uint64_t before = lowest(static_cast<size_t>(std::countr_zero(hard))) & ~w.letter;
    w.limit(before == 0 ? 0 : 64 - static_cast<size_t>(std::countl_zero(before)));
  }
  const uint64_t all_other = w.other();
  const uint64_t absorbed = absorbed_by_symbols(w, all_other);
  const uint64_t other = all_other & ~absorbed;
  const uint64_t spaces = w.space & ~absorbed;
  const uint64_t lower = w.letter & ~w.upper & ~w.caseless;
  uint64_t other_starts = run_starts(other) & ~(w.blank_space << 1);
  const uint64_t joined = other_starts << 1 | (w.space & ~w.newline) << 1;
  uint64_t starts = (run_starts(w.letter) & ~joined) | (w.upper & (lower | w.caseless) << 1);
  if (rules.contractions) {
    size_t last_end = 0;
    for (uint64_t left = w.apostrophe & other_starts & w.letter << 1; left != 0; left &= left - 1) {
      const auto k = static_cast<size_t>(std::countr_zero(left));
      if (k == last_end) continue;  // behind a contraction there is no word to belong to
      const size_t end = contraction_end(scanner, w, begin, k, true);
      if (end == k) continue;
      other_starts &= ~bit_at(k);
      starts &= ~(bit_at(k + 1) | bit_at(k + 2));
      starts |= bit_at(end) & w.letter;
      last_end = end;
    }
  }
  starts |= rules.max_digits == 1 ? w.number : groups_of_three(w.number);
  return starts | other_starts | space_starts(spaces, false, w);
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
