// Rows picked out of tables.
#pragma once

#include <cstdint>
#include <span>

#include "sys/thread_pool.h"
#include "tidemill/tensor.h"

namespace tidemill {

// Kernels::embed: out[i, :] = table[ids[i], :] * scale; table: [vocab_size, d_model] in panels (pack.h), out: f32
// [n_ids, d_model].
void embed(ThreadPool& pool, const Tensor& table, std::span<const int32_t> ids, float scale, const Tensor& out);

// Kernels::gather_rows: out[i, :] = x[rows[i], :]; x: f32 [n, d], out: f32 [n_rows, d].
void gather_rows(ThreadPool& pool, const Tensor& x, std::span<const int32_t> rows, const Tensor& out);

}  // namespace tidemill
