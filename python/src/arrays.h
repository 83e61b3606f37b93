// NumPy arrays that own what the library made.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace tidemill::python {

namespace nb = nanobind;

using FloatMatrix = nb::ndarray<nb::numpy, float, nb::shape<-1, -1>>;

// A matrix of rows x columns that `fill` writes, without a zero before.
template <typename Fill>
FloatMatrix matrix_of(int64_t n_rows, int64_t n_columns, Fill&& fill) {
  std::unique_ptr<float[]> values(new float[static_cast<size_t>(n_rows * n_columns)]);
  fill(values.get());
  const nb::capsule owner(values.get(), [](void* data) noexcept { delete[] static_cast<float*>(data); });
  float* const data = values.release();
  return FloatMatrix(data, {static_cast<size_t>(n_rows), static_cast<size_t>(n_columns)}, owner);
}

// A flat array of what a vector holds, without a copy.
template <typename Number>
nb::ndarray<nb::numpy, Number, nb::ndim<1>> array_of(std::vector<Number> values) {
  auto kept = std::make_unique<std::vector<Number>>(std::move(values));
  const nb::capsule owner(kept.get(), [](void* vector) noexcept { delete static_cast<std::vector<Number>*>(vector); });
  auto* const vector = kept.release();
  return nb::ndarray<nb::numpy, Number, nb::ndim<1>>(vector->data(), {vector->size()}, owner);
}

}  // namespace tidemill::python
