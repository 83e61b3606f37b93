// What Python's str methods know about characters, as runs of code points in ascending order.
#pragma once

#include <cstdint>
#include <span>

namespace tidemill::jinja {

struct CodeRun {
  char32_t first, last;
  uint32_t step;  // 1: all of them; 2: every second one
};

struct CaseRun {
  char32_t first, last;
  uint32_t step;
  int32_t delta;  // what is added to a code point
};

struct CaseExpansion {
  char32_t from;
  char32_t to[3];  // ends with 0 when shorter
};

extern const std::span<const CodeRun> kAlphabetic, kDecimal, kDigit, kNumeric, kUnprintable, kUppercase, kLowercase,
    kTitlecase, kCaseIgnorable;
extern const std::span<const CaseRun> kToUpper, kToLower, kToTitle;
extern const std::span<const CaseExpansion> kToUpperLong, kToLowerLong, kToTitleLong;

}  // namespace tidemill::jinja
