// Greatest values that a configuration may have: far above any model's, and small enough that products of two fit.
#pragma once

#include <cstdint>

namespace tidemill {

inline constexpr int64_t kMaxLayers = 1024;
inline constexpr int64_t kMaxHeads = 4096;
inline constexpr int64_t kMaxHeadDim = 1 << 16;
inline constexpr int64_t kMaxWidth = 1 << 20;   // d_model
inline constexpr int64_t kMaxHidden = 1 << 24;  // d_ff
inline constexpr int64_t kMaxVocab = 1 << 24;
inline constexpr int64_t kMaxContext = 1 << 30;
inline constexpr int64_t kMaxWindow = 1 << 30;
inline constexpr int64_t kMaxExperts = 4096;

}  // namespace tidemill
