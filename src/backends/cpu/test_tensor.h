// Tensors that own their memory, for tests.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "tidemill/tensor.h"

namespace tidemill {

// A contiguous tensor that lives as long as this object; its bytes are NaN in every float format at first, so that a
// result that was never written, or an input that was never to be read, shows.
class TestTensor {
 public:
  explicit TestTensor(const Shape& shape, DType dtype = DType::f32)
      : bytes_(static_cast<size_t>(size_bytes(dtype, shape)), std::byte{0xff}), view_(bytes_.data(), dtype, shape) {}

  // Normally distributed f32 values.
  static TestTensor random(const Shape& shape, uint32_t seed, float deviation = 1.0f) {
    TestTensor tensor(shape);
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal(0.0f, deviation);
    for (int64_t i = 0; i < shape.n_elements(); ++i) tensor.data()[i] = normal(generator);
    return tensor;
  }

  const Tensor& view() const { return view_; }
  float* data() { return view_.as<float>(); }
  bool operator==(const TestTensor& other) const { return bytes_ == other.bytes_; }  // bit for bit

 private:
  std::vector<std::byte> bytes_;
  Tensor view_;
};

}  // namespace tidemill
