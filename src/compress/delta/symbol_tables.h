// How often symbols are expected: tables whose frequencies add up to 4096, written as logarithms in quarters of an
// octave. So coarse a scale costs less than 0.002 bits a symbol, and the tables become short. Specification:
// docs/formats/delta_blocks.md, "Tables".
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compress/delta/bit_coder.h"

namespace tidemill {

inline constexpr int kTableBits = 12;
inline constexpr uint32_t kTableSize = 1u << kTableBits;

// frequency[symbol] of 4096; no more than 256 symbols.
using Frequencies = std::vector<uint16_t>;

// Frequencies in proportion to weights below 2^40, at least 1 where a weight is not 0, with a sum of 4096; what
// rounding leaves is the first largest one's.  Empty where that cannot be: no weight, or more of them than there is
// room.
Frequencies frequencies_of(std::span<const uint64_t> weights);

// Levels are logarithms: 0 for a symbol that never comes, otherwise 1 to 61.
using Levels = std::vector<uint8_t>;
Levels levels_of(std::span<const uint32_t> counts);
Frequencies frequencies_of_levels(std::span<const uint8_t> levels);

// Tables one after the other, each told by how it differs from the one before.
class LevelsModel {
 public:
  void write(BitWriter& writer, std::span<const uint8_t> levels);
  // Throws Error bad_file for a table that cannot be.
  Levels read(BitReader& reader, size_t n_symbols);

 private:
  // What a level is expected to be, and the model of how it differs.
  int expected(std::span<const uint8_t> levels, size_t symbol) const;
  NumberModel& model(int expected) { return models_[(last_.empty() ? 0 : 2) + (expected == 0 ? 0 : 1)]; }

  Levels last_;
  std::array<NumberModel, 4> models_;
};

}  // namespace tidemill
