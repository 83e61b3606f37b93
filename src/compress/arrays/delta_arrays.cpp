#include "tidemill/delta_arrays.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <mutex>
#include <new>
#include <string>
#include <type_traits>
#include <vector>

#include "compress/arrays/int8_numbers.h"
#include "compress/arrays/kept_numbers.h"
#include "sys/huge_pages.h"
#include "sys/thread_pool.h"
#include "tensor/half.h"
#include "tidemill/error.h"
#include "tidemill/system.h"

namespace tidemill {
namespace {

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorCode::invalid_argument, "delta arrays: " + why);
}

size_t checked_size(int64_t n) {
  if (n < 0) refuse("an array has " + std::to_string(n) + " elements; give 0 or more");
  return static_cast<size_t>(n);
}

// Calls `call` with a number of the width of the type's bits.
template <typename Call>
auto with_bits(DType dtype, Call&& call) {
  switch (dtype) {
    case DType::f16:
      return call(uint16_t{});
    case DType::f32:
      return call(uint32_t{});
    case DType::f64:
      return call(uint64_t{});
    default:
      refuse("numbers of " + std::string(info(dtype).name) + "; give float16, float32 or float64");
  }
}

// Large memory in huge pages, for most of the time would go into page faults.
MallocedBytes allocate(size_t n_bytes) {
  const bool is_large = n_bytes >= kHugePage;
  const size_t n_whole = is_large ? (n_bytes + kHugePage - 1) / kHugePage * kHugePage : std::max<size_t>(n_bytes, 1);
  MallocedBytes memory(
      static_cast<std::byte*>(is_large ? std::aligned_alloc(kHugePage, n_whole) : std::malloc(n_whole)));
  if (memory == nullptr) {
    throw Error(ErrorCode::out_of_memory,
                "delta arrays: no memory for " + std::to_string(n_bytes) + " bytes; give the array in parts");
  }
  if (is_large) advise_huge_pages(memory.get(), n_whole);
  return memory;
}

// Gives the end back to the system, where pages that were never touched are; what is left stays where it is.
MallocedBytes cut(MallocedBytes memory, size_t n_bytes) {
  void* shorter = std::realloc(memory.get(), std::max<size_t>(n_bytes, 1));
  if (shorter == nullptr) return memory;
  memory.release();
  return MallocedBytes(static_cast<std::byte*>(shorter));
}

// Of float64 to float16 in one rounding: to float32 with an odd last bit where something is lost, which no tie
// survives.
uint16_t f64_to_f16(double value) {
  auto single = static_cast<float>(value);
  const auto bits = std::bit_cast<uint32_t>(single);
  if (static_cast<double>(single) != value && std::isfinite(single) && (bits & 1) == 0) {
    single = std::nextafter(single, value > static_cast<double>(single) ? INFINITY : -INFINITY);
  }
  return f32_to_f16(single);
}

// The least magnitude that is kept, as bits.
template <typename Unsigned>
Unsigned least_bits(double threshold) {
  if (std::isnan(threshold)) refuse("the threshold is NaN; give a number");
  if (threshold <= 0) return 0;
  if constexpr (sizeof(Unsigned) == 2) return f64_to_f16(threshold);
  if constexpr (sizeof(Unsigned) == 4) return std::bit_cast<uint32_t>(static_cast<float>(threshold));
  if constexpr (sizeof(Unsigned) == 8) return std::bit_cast<uint64_t>(threshold);
}

double finite_maximum(DType dtype, uint64_t bits) {
  double value = 0;
  if (dtype == DType::f16) value = static_cast<double>(f16_to_f32(static_cast<uint16_t>(bits)));
  if (dtype == DType::f32) value = static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  if (dtype == DType::f64) value = std::bit_cast<double>(bits);
  if (!std::isfinite(value)) refuse("a number is NaN or infinite, which int8 cannot hold; compress_sparse keeps it");
  return value;
}

// What one part of an array keeps.
struct Kept {
  MallocedBytes indices;
  MallocedBytes values;
  size_t n = 0;
  size_t begin = 0;  // of the part
};

constexpr size_t kNarrowLimit = size_t{1} << 32;  // elements that indices of 4 bytes can number

template <typename Unsigned>
Kept keep_part(const Unsigned* numbers, size_t begin, size_t n, Unsigned least, uint32_t first) {
  Kept kept{allocate(n * sizeof(uint32_t) + kKeepSlack), allocate(n * sizeof(Unsigned) + kKeepSlack), 0, begin};
  kept.n = keep_large(numbers + begin, n, least, first, reinterpret_cast<uint32_t*>(kept.indices.get()),
                      reinterpret_cast<Unsigned*>(kept.values.get()));
  return kept;
}

void widen(const Kept& part, std::byte* indices) {
  for (size_t k = 0; k < part.n; ++k) {
    uint32_t narrow;
    std::memcpy(&narrow, part.indices.get() + 4 * k, sizeof(narrow));
    const uint64_t wide = part.begin + narrow;
    std::memcpy(indices + 8 * k, &wide, sizeof(wide));
  }
}

// Fills out[least, end) from indices that ascend within it; false where they do not, when some of it may be written.
template <typename Index, typename Unsigned>
bool scatter_ascending(const Index* indices, const Unsigned* values, size_t n_kept, Unsigned* out, size_t least,
                       size_t end) {
  constexpr size_t kTile = 1024;  // indices that are checked and used while they are in the nearest cache
  size_t done = least;
  for (size_t begin = 0; begin < n_kept; begin += kTile) {
    const size_t n = std::min(kTile, n_kept - begin);
    if (!ascend_within(indices + begin, n, done, end)) return false;
    const auto next = static_cast<size_t>(indices[begin + n - 1]) + 1;
    const auto first = static_cast<size_t>(indices[begin]);
    if (next - first == n) {  // neighbours, as where nearly all numbers were kept
      std::fill(out + done, out + first, Unsigned{0});
      std::copy_n(values + begin, n, out + first);
    } else {
      std::fill(out + done, out + next, Unsigned{0});
      for (size_t k = begin; k < begin + n; ++k) out[indices[k]] = values[k];
    }
    done = next;
  }
  std::fill(out + done, out + end, Unsigned{0});
  return true;
}

template <typename Index, typename Unsigned>
void scatter_any(const Index* indices, const Unsigned* values, size_t n_kept, Unsigned* out, size_t n) {
  for (size_t k = 0; k < n_kept; ++k) {
    if (indices[k] >= n) {
      refuse("index " + std::to_string(indices[k]) + " is outside an array of " + std::to_string(n) +
             " elements; give the shape of the array that was compressed");
    }
  }
  std::fill(out, out + n, Unsigned{0});
  for (size_t k = 0; k < n_kept; ++k) out[indices[k]] = values[k];
}

}  // namespace

struct DeltaArrays::Impl {
  explicit Impl(int n_threads) : pool(n_threads) {}

  // As many parts as there are threads; fewer where that is not worth it, more where indices would not fit in 4 bytes.
  size_t n_parts(size_t n) const {
    constexpr size_t kWorthAThread = size_t{1} << 18;
    return std::max(n / (kNarrowLimit / 2) + (n > kNarrowLimit ? 1 : 0),
                    std::clamp<size_t>(n / kWorthAThread, 1, static_cast<size_t>(pool.n_threads())));
  }

  // Calls `body(part, begin, end)` for parts of [0, n).
  template <typename Body>
  void in_parts(size_t n, size_t n_parts, Body&& body) {
    if (n_parts == 1) return body(size_t{0}, size_t{0}, n);
    const size_t length = n / n_parts;
    pool.parallel_for(static_cast<int64_t>(n_parts), 1, [&](int64_t first, int64_t last, int) {
      for (auto part = static_cast<size_t>(first); part < static_cast<size_t>(last); ++part) {
        body(part, part * length, part + 1 == n_parts ? n : (part + 1) * length);
      }
    });
  }

  ThreadPool pool;
  std::mutex mutex;
};

DeltaArrays::DeltaArrays(int n_threads)
    : impl_(std::make_unique<Impl>(n_threads == 0 ? cpu_info().n_cores : n_threads)) {}
DeltaArrays::~DeltaArrays() = default;

SparseDelta DeltaArrays::compress_sparse(DType dtype, const void* delta, int64_t n, double threshold) {
  const size_t size = checked_size(n);
  const std::lock_guard lock(impl_->mutex);
  return with_bits(dtype, [&](auto bits) {
    using Unsigned = decltype(bits);
    const auto least = least_bits<Unsigned>(threshold);
    const auto* numbers = static_cast<const Unsigned*>(delta);
    const bool is_wide = size > kNarrowLimit;
    std::vector<Kept> parts(impl_->n_parts(size));
    impl_->in_parts(size, parts.size(), [&](size_t part, size_t begin, size_t end) {
      parts[part] = keep_part(numbers, begin, end - begin, least, is_wide ? 0 : static_cast<uint32_t>(begin));
    });
    SparseDelta sparse;
    sparse.index_bytes = is_wide ? 8 : 4;
    const auto index_bytes = static_cast<size_t>(sparse.index_bytes);
    std::vector<size_t> places;
    size_t n_kept = 0;
    for (const Kept& part : parts) {
      places.push_back(n_kept);
      n_kept += part.n;
    }
    sparse.n_kept = static_cast<int64_t>(n_kept);
    sparse.ratio =
        n == 0 ? 1 : std::max(1.0, 2.0 * static_cast<double>(n) / std::max(1.0, 6.0 * static_cast<double>(n_kept)));
    if (parts.size() == 1 && !is_wide) {
      sparse.indices = cut(std::move(parts[0].indices), n_kept * index_bytes);
      sparse.values = cut(std::move(parts[0].values), n_kept * sizeof(Unsigned));
      return sparse;
    }
    sparse.indices = allocate(n_kept * index_bytes);
    sparse.values = allocate(n_kept * sizeof(Unsigned));
    impl_->pool.parallel_for(static_cast<int64_t>(parts.size()), 1, [&](int64_t first, int64_t last, int) {
      for (auto index = static_cast<size_t>(first); index < static_cast<size_t>(last); ++index) {
        Kept part = std::move(parts[index]);
        std::byte* indices = sparse.indices.get() + places[index] * index_bytes;
        std::memcpy(sparse.values.get() + places[index] * sizeof(Unsigned), part.values.get(),
                    part.n * sizeof(Unsigned));
        is_wide ? widen(part, indices) : static_cast<void>(std::memcpy(indices, part.indices.get(), part.n * 4));
      }
    });
    return sparse;
  });
}

namespace {

// Parts of the indices, and of the array between the first index of each; false where indices do not ascend.
template <typename Impl, typename Index, typename Unsigned>
bool scatter_in_parts(Impl& impl, const Index* indices, const Unsigned* values, size_t n_kept, Unsigned* out,
                      size_t n) {
  const size_t n_parts = std::clamp<size_t>(n_kept, 1, impl.n_parts(n));
  std::atomic<bool> do_ascend{true};
  impl.in_parts(n_kept, n_parts, [&](size_t, size_t begin, size_t end) {
    const size_t least = begin == 0 ? 0 : static_cast<size_t>(indices[begin]);
    const size_t limit = end == n_kept ? n : static_cast<size_t>(indices[end]);
    const bool is_within = least <= limit && limit <= n;
    if (!is_within || !scatter_ascending(indices + begin, values + begin, end - begin, out, least, limit)) {
      do_ascend = false;
    }
  });
  return do_ascend;
}

}  // namespace

void DeltaArrays::decompress_sparse(DType dtype, const void* indices, int index_bytes, const void* values,
                                    int64_t n_kept, void* out, int64_t n) {
  const size_t size = checked_size(n);
  const size_t n_values = checked_size(n_kept);
  if (index_bytes != 4 && index_bytes != 8) refuse("indices of " + std::to_string(index_bytes) + " bytes; give 4 or 8");
  const std::lock_guard lock(impl_->mutex);
  with_bits(dtype, [&](auto bits) {
    using Unsigned = decltype(bits);
    const auto scatter = [&](const auto* typed_indices) {
      const auto* typed_values = static_cast<const Unsigned*>(values);
      auto* typed_out = static_cast<Unsigned*>(out);
      if (!scatter_in_parts(*impl_, typed_indices, typed_values, n_values, typed_out, size)) {
        scatter_any(typed_indices, typed_values, n_values, typed_out, size);
      }
    };
    if (index_bytes == 4) {
      scatter(static_cast<const uint32_t*>(indices));
    } else {
      scatter(static_cast<const uint64_t*>(indices));
    }
  });
}

Int8Scale DeltaArrays::compress_int8(DType dtype, const void* delta, int64_t n, int8_t* quantized) {
  constexpr double kLeastScale = 1e-10;
  const size_t size = checked_size(n);
  const std::lock_guard lock(impl_->mutex);
  return with_bits(dtype, [&](auto bits) {
    const auto* numbers = static_cast<const decltype(bits)*>(delta);
    std::vector<uint64_t> largest(impl_->n_parts(size));
    impl_->in_parts(size, largest.size(), [&](size_t part, size_t begin, size_t end) {
      largest[part] = largest_magnitude(dtype, numbers + begin, end - begin);
    });
    Int8Scale result;
    result.scale = finite_maximum(dtype, *std::ranges::max_element(largest)) / 127;
    if (result.scale < kLeastScale) result.scale = 1;
    result.ratio = 2.0 * static_cast<double>(n) / (static_cast<double>(n) + 4);
    impl_->in_parts(size, largest.size(), [&](size_t, size_t begin, size_t end) {
      to_int8(dtype, numbers + begin, end - begin, result.scale, quantized + begin);
    });
    return result;
  });
}

void DeltaArrays::decompress_int8(DType dtype, const int8_t* quantized, int64_t n, double scale, void* out) {
  const size_t size = checked_size(n);
  const std::lock_guard lock(impl_->mutex);
  with_bits(dtype, [&](auto bits) {
    auto* numbers = static_cast<decltype(bits)*>(out);
    impl_->in_parts(size, impl_->n_parts(size), [&](size_t, size_t begin, size_t end) {
      from_int8(dtype, quantized + begin, end - begin, scale, numbers + begin);
    });
  });
}

}  // namespace tidemill
