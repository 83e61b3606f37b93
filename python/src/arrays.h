// NumPy arrays that own what the library made.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <memory>

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

}  // namespace tidemill::python
