// Which numbers of an array are large, and back: loops over flat arrays of the bits of numbers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tidemill {

// Room that `keep_large` needs behind what it keeps: it stores whole vectors.
inline constexpr size_t kKeepSlack = 256;  // bytes

// Keeps numbers whose bits without the sign are at least `least`: that is their order, and NaNs are above all others.
// indices[] become `first` and above.  Returns how many were kept.
size_t keep_large(const uint16_t* numbers, size_t n, uint16_t least, uint32_t first, uint32_t* indices,
                  uint16_t* values);
size_t keep_large(const uint32_t* numbers, size_t n, uint32_t least, uint32_t first, uint32_t* indices,
                  uint32_t* values);
size_t keep_large(const uint64_t* numbers, size_t n, uint64_t least, uint32_t first, uint32_t* indices,
                  uint64_t* values);

// Whether indices ascend, none twice, from `least` on and end below `end`.
bool ascend_within(const uint32_t* indices, size_t n, uint64_t least, uint64_t end);
bool ascend_within(const uint64_t* indices, size_t n, uint64_t least, uint64_t end);

}  // namespace tidemill
