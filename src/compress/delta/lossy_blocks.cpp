#include "compress/delta/lossy_blocks.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "compress/delta/float_elements.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

// The first byte of a code.
enum class Kind : uint8_t { lossless, scaled };

uint64_t n_groups(uint64_t n, const ScaledForm& form) {
  return (n + form.group - 1) / form.group;
}

uint64_t n_code_bytes(uint64_t n, const ScaledForm& form) {
  return 1 + n_groups(n, form) * sizeof(float) + (n * form.bits + 7) / 8;
}

int largest_number(const ScaledForm& form) {
  return form.bits == 8 ? 127 : 7;
}

float scale_of(std::span<const float> changes, const ScaledForm& form) {
  double sum = 0;
  float largest = 0;
  for (const float change : changes) {
    sum += std::abs(change);
    largest = std::max(largest, std::abs(change));
  }
  if (form.bits == 1) return static_cast<float>(sum / static_cast<double>(changes.size()));
  return largest / static_cast<float>(largest_number(form));
}

int number_of(float change, float scale, const ScaledForm& form) {
  if (form.bits == 1) return change < 0 ? 0 : 1;
  const int limit = largest_number(form);
  const float number = scale > 0 ? std::nearbyint(change / scale) : 0;
  return static_cast<int>(std::clamp(number, static_cast<float>(-limit), static_cast<float>(limit)));
}

// Number `index` of the packed ones: 8 bits two's complement, 4 bits plus 8 with the first in the low half, 1 bit from
// the lowest on.
void put_number(std::byte* packed, uint64_t index, int number, uint32_t bits) {
  const uint64_t at = index * bits / 8, shift = index * bits % 8;
  const int stored = bits == 4 ? number + 8 : number;
  packed[at] |= static_cast<std::byte>((stored & ((1 << bits) - 1)) << shift);
}

float number_at(const std::byte* packed, uint64_t index, uint32_t bits) {
  const int byte = static_cast<int>(packed[index * bits / 8]);
  if (bits == 8) return static_cast<float>(static_cast<int8_t>(byte));
  if (bits == 4) return static_cast<float>((byte >> index % 2 * 4 & 15) - 8);
  return (byte >> index % 8 & 1) != 0 ? 1.0f : -1.0f;
}

// Adds to `values` what `code`, without its kind, says.
void add_changes(const ScaledForm& form, std::span<const std::byte> code, std::vector<float>& values) {
  const std::byte* const packed = code.data() + n_groups(values.size(), form) * sizeof(float);
  for (uint64_t begin = 0, group = 0; begin < values.size(); begin += form.group, ++group) {
    float scale;
    std::memcpy(&scale, code.data() + group * sizeof scale, sizeof scale);
    const uint64_t end = std::min<uint64_t>(begin + form.group, values.size());
    for (uint64_t i = begin; i < end; ++i) {
      const float change = scale * number_at(packed, i, form.bits);
      values[i] += change;
    }
  }
}

bool are_finite(std::span<const float> values) {
  return std::ranges::all_of(values, [](float value) { return std::isfinite(value); });
}

std::vector<std::byte> scaled_code(const ScaledForm& form, const std::vector<float>& changes) {
  std::vector<std::byte> code(n_code_bytes(changes.size(), form));
  code[0] = static_cast<std::byte>(Kind::scaled);
  std::byte* const scales = code.data() + 1;
  std::byte* const packed = scales + n_groups(changes.size(), form) * sizeof(float);
  for (uint64_t begin = 0, group = 0; begin < changes.size(); begin += form.group, ++group) {
    const uint64_t end = std::min<uint64_t>(begin + form.group, changes.size());
    const float scale = scale_of(std::span(changes).subspan(begin, end - begin), form);
    std::memcpy(scales + group * sizeof scale, &scale, sizeof scale);
    for (uint64_t i = begin; i < end; ++i) put_number(packed, i, number_of(changes[i], scale, form), form.bits);
  }
  return code;
}

[[noreturn]] void refuse() {
  throw Error(ErrorCode::bad_file, "delta: the code of a scaled block is none that is written; get the file anew");
}

}  // namespace

void encode_scaled_block(const DeltaBlock& block, const ScaledForm& form, std::span<const std::byte> base,
                         std::span<const std::byte> tuned, std::vector<std::byte>& code,
                         std::vector<std::byte>& restored) {
  std::vector<float> values, changes;
  to_floats(block.dtype, base, values);
  to_floats(block.dtype, tuned, changes);
  std::vector<std::byte> lossless{static_cast<std::byte>(Kind::lossless)};
  encode_delta_block(block, base, tuned, lossless);
  const bool can_be_scaled = are_finite(values) && are_finite(changes);
  if (!can_be_scaled || lossless.size() <= n_code_bytes(values.size(), form)) {
    restored.assign(tuned.begin(), tuned.end());
    code.insert(code.end(), lossless.begin(), lossless.end());
    return;
  }
  for (size_t i = 0; i < values.size(); ++i) changes[i] -= values[i];
  const std::vector<std::byte> scaled = scaled_code(form, changes);
  restored.resize(tuned.size());
  decode_scaled_block(block, form, base, scaled, restored);
  code.insert(code.end(), scaled.begin(), scaled.end());
}

void decode_scaled_block(const DeltaBlock& block, const ScaledForm& form, std::span<const std::byte> base,
                         std::span<const std::byte> code, std::span<std::byte> out) {
  if (code.empty()) refuse();
  const auto kind = static_cast<Kind>(code.front());
  if (kind == Kind::lossless) return decode_delta_block(block, base, code.subspan(1), out);
  std::vector<float> values;
  to_floats(block.dtype, base, values);
  if (kind != Kind::scaled || base.size() != out.size() || code.size() != n_code_bytes(values.size(), form)) refuse();
  add_changes(form, code.subspan(1), values);
  from_floats(block.dtype, values, out.first(values.size() * (out.size() / std::max<size_t>(values.size(), 1))));
}

void keep_large_changes(DType dtype, double threshold, std::span<const std::byte> base,
                        std::span<const std::byte> tuned, std::vector<std::byte>& restored) {
  std::vector<float> values, changed;
  to_floats(dtype, base, values);
  to_floats(dtype, tuned, changed);
  restored.assign(tuned.begin(), tuned.end());
  const auto n_bytes = static_cast<size_t>(info(dtype).block_bytes);
  for (size_t i = 0; i < values.size(); ++i) {
    const double change = std::abs(static_cast<double>(changed[i]) - static_cast<double>(values[i]));
    // A change that is no number is kept.
    if (change < threshold) std::memcpy(restored.data() + i * n_bytes, base.data() + i * n_bytes, n_bytes);
  }
}

}  // namespace tidemill
