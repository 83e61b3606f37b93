// The array functions of include/tidemill/delta_arrays.h beside memcpy of the same array:
//
//     ./dev bench delta_arrays [THREADS] [MEBI_NUMBERS] [ROUNDS]
//
// Prints a line of JSON for each type and share of kept numbers: medians of seconds, the ways taking turns.
// bench/peers/delta_arrays.py does the same work with PyTorch.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "tensor/half.h"
#include "tidemill/delta_arrays.h"

namespace {

using namespace tidemill;

template <typename Work>
void time(std::vector<double>& seconds, Work&& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
}

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + std::ssize(values) / 2);
  return values[values.size() / 2];
}

// Numbers of which `share` are at least 1 in magnitude.
template <typename Number, typename Convert>
std::vector<Number> numbers(size_t n, double share, Convert&& convert) {
  std::mt19937 random(1);
  std::vector<Number> result(n);
  for (Number& number : result) {
    const float magnitude =
        static_cast<float>(random() % 1000) / 2000 + (random() < share * 4294967296.0 ? 1.0F : 0.0F);
    number = convert((random() & 1) != 0 ? magnitude : -magnitude);
  }
  return result;
}

template <typename Number>
void measure(DType dtype, const std::vector<Number>& delta, double share, int n_threads, int n_rounds) {
  DeltaArrays arrays(n_threads);
  const auto n = static_cast<int64_t>(delta.size());
  std::vector<Number> copy(delta.size()), restored(delta.size());
  std::vector<int8_t> quantized(delta.size());
  std::vector<double> memcpy_s, keep_s, restore_s, int8_s, back_s;
  for (int round = 0; round < n_rounds; ++round) {
    time(memcpy_s, [&] { std::memcpy(copy.data(), delta.data(), delta.size() * sizeof(Number)); });
    SparseDelta sparse;
    time(keep_s, [&] { sparse = arrays.compress_sparse(dtype, delta.data(), n, 1.0); });
    time(restore_s, [&] {
      arrays.decompress_sparse(dtype, sparse.indices.get(), sparse.index_bytes, sparse.values.get(), sparse.n_kept,
                               restored.data(), n);
    });
    Int8Scale scale;
    time(int8_s, [&] { scale = arrays.compress_int8(dtype, delta.data(), n, quantized.data()); });
    time(back_s, [&] { arrays.decompress_int8(dtype, quantized.data(), n, scale.scale, restored.data()); });
  }
  std::printf("{\"dtype\": \"%s\", \"kept\": %g, \"bytes\": %zu, \"threads\": %d, \"memcpy_s\": %.6f, ",
              std::string(info(dtype).name).c_str(), share, delta.size() * sizeof(Number), n_threads, median(memcpy_s));
  std::printf("\"compress_sparse_s\": %.6f, \"decompress_sparse_s\": %.6f, ", median(keep_s), median(restore_s));
  std::printf("\"compress_int8_s\": %.6f, \"decompress_int8_s\": %.6f}\n", median(int8_s), median(back_s));
}

}  // namespace

int main(int argc, char** argv) {
  const int n_threads = argc > 1 ? std::atoi(argv[1]) : 1;
  const size_t n = static_cast<size_t>(argc > 2 ? std::atoi(argv[2]) : 32) << 20;
  const int n_rounds = argc > 3 ? std::atoi(argv[3]) : 7;
  for (const double share : {0.01, 0.1, 1.0}) {
    measure(DType::f32, numbers<float>(n, share, [](float value) { return value; }), share, n_threads, n_rounds);
    measure(DType::f16, numbers<uint16_t>(n, share, f32_to_f16), share, n_threads, n_rounds);
  }
  return 0;
}
