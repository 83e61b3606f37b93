#include "compress/delta/content_search.h"

#include <algorithm>
#include <cstring>

namespace tidemill {
namespace {

constexpr uint64_t kSamples = 512;
// Of unrelated weights a quarter agree in sign and about in size, of a fine-tune nearly all do.
constexpr double kNear = 0.6;
// In models with thousands of tensors of one size, as mixtures of experts, not all are looked at.
constexpr size_t kMaxCandidates = 256;

uint64_t element_at(std::span<const std::byte> content, uint64_t index, uint64_t n_bytes) {
  uint64_t bits = 0;
  std::memcpy(&bits, content.data() + index * n_bytes, n_bytes);
  return bits;
}

// The share of sampled elements whose bits differ by less than 1/256 of their range, or, in blocks of quantised
// weights, of bytes that are equal.
double nearness(DType dtype, std::span<const std::byte> a, std::span<const std::byte> b) {
  const DTypeInfo& type = info(dtype);
  const uint64_t n_bytes = type.is_quantized() || type.block_bytes > 8 ? 1 : static_cast<uint64_t>(type.block_bytes);
  const uint64_t n_elements = a.size() / n_bytes;
  if (n_elements == 0) return 0;
  const uint64_t limit = n_bytes == 1 ? 1 : uint64_t{1} << (8 * n_bytes - 8);
  const uint64_t n_samples = std::min(kSamples, n_elements);
  uint64_t n_near = 0;
  for (uint64_t sample = 0; sample < n_samples; ++sample) {
    const uint64_t index = sample * (n_elements / n_samples) + sample % 7 % (n_elements / n_samples);
    const uint64_t one = element_at(a, index, n_bytes), other = element_at(b, index, n_bytes);
    if (std::max(one, other) - std::min(one, other) < limit) ++n_near;
  }
  return static_cast<double>(n_near) / static_cast<double>(n_samples);
}

}  // namespace

void ContentSearch::add(const FilePiece& tensor, TensorPlace place, std::span<const std::byte> content, bool is_taken) {
  candidates_[{tensor.dtype, tensor.n_bytes}].push_back({tensor.name, place, content, is_taken});
}

std::optional<TensorPlace> ContentSearch::nearest(const FilePiece& tensor, std::span<const std::byte> content) const {
  const auto found = candidates_.find({tensor.dtype, tensor.n_bytes});
  if (found == candidates_.end()) return std::nullopt;
  std::optional<TensorPlace> best;
  double best_nearness = kNear;
  size_t n_seen = 0;
  for (const bool is_taken : {false, true}) {
    for (const Candidate& candidate : found->second) {
      if (candidate.is_taken != is_taken || ++n_seen > kMaxCandidates) continue;
      // A prefix more or less is how names usually change.
      const bool same_ending = candidate.name.ends_with(tensor.name) || tensor.name.ends_with(candidate.name);
      const double near = nearness(coded_dtype(tensor.dtype), candidate.content, content) + (same_ending ? 0.001 : 0);
      if (near <= best_nearness) continue;
      best_nearness = near;
      best = candidate.place;
    }
  }
  return best;
}

}  // namespace tidemill
