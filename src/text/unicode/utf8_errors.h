// Which neighbouring bytes cannot stand in UTF-8.
//
// Keiser and Lemire 2021, "Validating UTF-8 in less than one instruction per byte", arXiv:2010.03090: each of three
// half bytes (both of a byte, the upper one of the next) allows some kinds of errors; an error is what all three allow.
#pragma once

#include <cstdint>

namespace tidemill {

// Kinds of errors in two neighbouring bytes.
enum Utf8Error : uint8_t {
  kTooShort = 1 << 0,  // a lead byte, or ASCII where a character goes on
  kTooLong = 1 << 1,   // ASCII, then a byte that continues it
  kOverlong3 = 1 << 2,
  kTooLarge = 1 << 3,
  kSurrogate = 1 << 4,
  kOverlong2 = 1 << 5,
  kTooLarge1000 = 1 << 6,  // F5 to FF and then 80 to 8F
  kOverlong4 = 1 << 6,
  kTwoContinue = 1 << 7,  // right behind a longer lead byte only
  kAnyLow = kTooShort | kTooLong | kTwoContinue,
};

// By the upper half of the first byte, its lower half, and the upper half of the second.
alignas(16) inline constexpr uint8_t kFirstHigh[16] = {kTooLong,
                                                       kTooLong,
                                                       kTooLong,
                                                       kTooLong,
                                                       kTooLong,
                                                       kTooLong,
                                                       kTooLong,
                                                       kTooLong,
                                                       kTwoContinue,
                                                       kTwoContinue,
                                                       kTwoContinue,
                                                       kTwoContinue,
                                                       kTooShort | kOverlong2,
                                                       kTooShort,
                                                       kTooShort | kOverlong3 | kSurrogate,
                                                       kTooShort | kTooLarge | kTooLarge1000 | kOverlong4};
inline constexpr uint8_t kLargeLow = kAnyLow | kTooLarge | kTooLarge1000;
alignas(16) inline constexpr uint8_t kFirstLow[16] = {kAnyLow | kOverlong3 | kOverlong2 | kOverlong4,
                                                      kAnyLow | kOverlong2,
                                                      kAnyLow,
                                                      kAnyLow,
                                                      kAnyLow | kTooLarge,
                                                      kLargeLow,
                                                      kLargeLow,
                                                      kLargeLow,
                                                      kLargeLow,
                                                      kLargeLow,
                                                      kLargeLow,
                                                      kLargeLow,
                                                      kLargeLow,
                                                      kLargeLow | kSurrogate,
                                                      kLargeLow,
                                                      kLargeLow};
inline constexpr uint8_t kContinues = kTooLong | kOverlong2 | kTwoContinue;
alignas(16) inline constexpr uint8_t kSecondHigh[16] = {kTooShort,
                                                        kTooShort,
                                                        kTooShort,
                                                        kTooShort,
                                                        kTooShort,
                                                        kTooShort,
                                                        kTooShort,
                                                        kTooShort,
                                                        kContinues | kOverlong3 | kTooLarge1000 | kOverlong4,
                                                        kContinues | kOverlong3 | kTooLarge,
                                                        kContinues | kSurrogate | kTooLarge,
                                                        kContinues | kSurrogate | kTooLarge,
                                                        kTooShort,
                                                        kTooShort,
                                                        kTooShort,
                                                        kTooShort};

}  // namespace tidemill
