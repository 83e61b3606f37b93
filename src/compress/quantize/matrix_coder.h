// MatrixCoder: a matrix on its way to codes, block by block of a row, whatever the format.
//
// Methods of quantisation (rounding, error feedback) see this and no format: a block's scales are fitted, each number
// gets a code, the block is stored.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "compress/quantize/levels.h"
#include "compress/quantize/scale_fit.h"

namespace tidemill {

inline constexpr int kMaxSubBlocks = 16;

// The scales of a block: code c of sub-block s stands for fits[s].scale * levels.of(c) + fits[s].base, in float32 as
// readers compute it.
struct BlockFit {
  std::array<ScaleFit, kMaxSubBlocks> fits;
  // As the format stores them; of formats with scales for scales.
  std::array<int16_t, kMaxSubBlocks> scales, mins;
  uint16_t factor = 0, min_factor = 0;  // f16; of formats with a zero that is a code the latter is that
};

class MatrixCoder {
 public:
  virtual ~MatrixCoder() = default;

  const Levels& levels() const { return levels_; }
  // Columns of a block and of a sub-block; the last ones of a row may have less.
  int64_t block_length() const { return block_length_; }
  int64_t sub_length() const { return sub_length_; }

  // Scales for `values`, the finite numbers of a block, as important as `importance` says, none of which is negative.
  // Any number of threads.
  virtual void fit(std::span<const float> values, std::span<const float> importance, ScaleSearch search,
                   BlockFit& block) const = 0;
  // Gives sub-block `sub` the scale, and the base where the format has one of its own, that are nearest to `wanted`
  // among those that the block can still have.
  virtual void refit(const ScaleFit& wanted, int64_t sub, BlockFit& block) const = 0;
  // Keeps a block of row `row` that begins at `first_column`.  Any number of threads, for different blocks.
  virtual void store(int64_t row, int64_t first_column, const BlockFit& block, std::span<const uint8_t> codes) = 0;

 protected:
  MatrixCoder(const Levels& levels, int64_t block_length, int64_t sub_length)
      : levels_(levels), block_length_(block_length), sub_length_(sub_length) {}

 private:
  Levels levels_;
  int64_t block_length_, sub_length_;
};

// The code whose level is nearest to a number that has been divided by its scale.
inline uint8_t nearest_code(const Levels& levels, float scaled) {
  if (levels.table == nullptr) {
    // Ties to even, as vector instructions round.
    constexpr float kWhole = 12582912.0f;  // 1.5 * 2^23: sums with it are whole
    const auto lowest = static_cast<float>(levels.lowest), highest = static_cast<float>(levels.last());
    const float bounded = scaled > lowest ? (scaled < highest ? scaled : highest) : lowest;
    return static_cast<uint8_t>(static_cast<int>((bounded + kWhole) - kWhole) - levels.lowest);
  }
  int code = 0;
  while (code + 1 < levels.n_codes && 2 * scaled > static_cast<float>(levels.table[code] + levels.table[code + 1]))
    ++code;
  return static_cast<uint8_t>(code);
}

}  // namespace tidemill
