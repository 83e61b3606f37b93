// Pooling: one vector for a text from the hidden states of its tokens, as sentence-transformers computes it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "tidemill/tensor.h"

namespace tidemill {

enum class Pooling : uint8_t { cls, max, mean, mean_sqrt_length, weighted_mean, last };

// The names are those of sentence-transformers' options, without "pooling_mode_".
struct PoolingName {
  Pooling pooling;
  std::string_view name;
};
// In the order in which the vectors of several are joined.
std::span<const PoolingName> pooling_names();

// hidden: f32 [n_tokens, d_model], n_tokens >= 1; out: [d_model].  Tokens before `first` (of a prompt that does not
// count) are left out, but for cls.  Without any token left the vector is zero.
void pool(Pooling pooling, const Tensor& hidden, int64_t first, std::span<float> out);

// One each, in files of their own.
void pool_one_token(const Tensor& hidden, int64_t token, std::span<float> out);
void pool_max(const Tensor& hidden, int64_t first, std::span<float> out);
void pool_mean(const Tensor& hidden, int64_t first, std::span<float> out);
void pool_mean_sqrt_length(const Tensor& hidden, int64_t first, std::span<float> out);
void pool_weighted_mean(const Tensor& hidden, int64_t first, std::span<float> out);

}  // namespace tidemill
