#include "tidemill/delta_arrays.h"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>
#include <unistd.h>

#include <mutex>

#include "python/src/module.h"
#include "tidemill/error.h"

namespace tidemill::python {
namespace {

using Input = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;
using Output = nb::ndarray<nb::numpy>;

// One pool of threads for all calls.  A process that was forked has the object without its threads, so it makes its
// own; none is destroyed, for threads may be at work while the process ends.
DeltaArrays& arrays() {
  static std::mutex mutex;
  static DeltaArrays* made = nullptr;
  static pid_t maker = 0;
  const std::lock_guard lock(mutex);
  if (made == nullptr || maker != getpid()) {
    made = new DeltaArrays;
    maker = getpid();
  }
  return *made;
}

DType dtype_of(const nb::dlpack::dtype& dtype) {
  if (dtype == nb::dtype<float>()) return DType::f32;
  if (dtype == nb::dtype<double>()) return DType::f64;
  if (dtype.code == static_cast<uint8_t>(nb::dlpack::dtype_code::Float) && dtype.bits == 16) return DType::f16;
  throw Error(ErrorCode::invalid_argument, "array: is none of float16, float32 and float64");
}

// A flat array that owns what the library made.
Output array_of(MallocedBytes memory, int64_t n, const nb::dlpack::dtype& dtype) {
  const nb::capsule owner(memory.get(), [](void* data) noexcept { FreeMemory()(data); });
  const size_t shape[] = {static_cast<size_t>(n)};
  return Output(memory.release(), 1, shape, owner, nullptr, dtype);
}

nb::tuple compress_sparse(const Input& delta, double threshold) {
  SparseDelta sparse;
  {
    const nb::gil_scoped_release released;
    sparse =
        arrays().compress_sparse(dtype_of(delta.dtype()), delta.data(), static_cast<int64_t>(delta.size()), threshold);
  }
  const nb::dlpack::dtype index_dtype = sparse.index_bytes == 4 ? nb::dtype<uint32_t>() : nb::dtype<uint64_t>();
  return nb::make_tuple(array_of(std::move(sparse.indices), sparse.n_kept, index_dtype),
                        array_of(std::move(sparse.values), sparse.n_kept, delta.dtype()), sparse.ratio);
}

void decompress_sparse(const Input& indices, const Input& values,
                       const nb::ndarray<nb::c_contig, nb::device::cpu>& out) {
  if (indices.size() != values.size() || values.dtype() != out.dtype())
    throw Error(ErrorCode::invalid_argument, "values: are not one for each index, or of another type than the array");
  const nb::gil_scoped_release released;
  arrays().decompress_sparse(dtype_of(out.dtype()), indices.data(), indices.dtype().bits / 8, values.data(),
                             static_cast<int64_t>(values.size()), out.data(), static_cast<int64_t>(out.size()));
}

using Quantized = nb::ndarray<int8_t, nb::c_contig, nb::device::cpu>;

std::pair<double, double> compress_int8(const Input& delta, const Quantized& quantized) {
  if (delta.size() != quantized.size()) throw Error(ErrorCode::invalid_argument, "quantized: has another size");
  const nb::gil_scoped_release released;
  const Int8Scale scale = arrays().compress_int8(dtype_of(delta.dtype()), delta.data(),
                                                 static_cast<int64_t>(delta.size()), quantized.data());
  return {scale.scale, scale.ratio};
}

void decompress_int8(const nb::ndarray<const int8_t, nb::c_contig, nb::device::cpu>& quantized, double scale,
                     const nb::ndarray<nb::c_contig, nb::device::cpu>& out) {
  if (out.size() != quantized.size()) throw Error(ErrorCode::invalid_argument, "out: has another size");
  const nb::gil_scoped_release released;
  arrays().decompress_int8(dtype_of(out.dtype()), quantized.data(), static_cast<int64_t>(out.size()), scale,
                           out.data());
}

}  // namespace

// Arrays come checked by tidemill/delta.py: flat, aligned, of this machine's byte order.  What nanobind writes of
// arrays of several types is too little for checkers of types, hence signatures by hand.
void bind_delta_arrays(nb::module_& module) {
  module.def("compress_sparse", &compress_sparse, nb::arg("delta"), nb::arg("threshold"),
             nb::sig("def compress_sparse(delta: numpy.typing.NDArray[typing.Any], threshold: float) -> "
                     "tuple[numpy.typing.NDArray[typing.Any], numpy.typing.NDArray[typing.Any], float]"));
  module.def("decompress_sparse", &decompress_sparse, nb::arg("indices"), nb::arg("values"), nb::arg("out"),
             nb::sig("def decompress_sparse(indices: numpy.typing.NDArray[typing.Any], "
                     "values: numpy.typing.NDArray[typing.Any], out: numpy.typing.NDArray[typing.Any]) -> None"));
  module.def("compress_int8", &compress_int8, nb::arg("delta"), nb::arg("quantized"),
             nb::sig("def compress_int8(delta: numpy.typing.NDArray[typing.Any], "
                     "quantized: numpy.typing.NDArray[numpy.int8]) -> tuple[float, float]"));
  module.def("decompress_int8", &decompress_int8, nb::arg("quantized"), nb::arg("scale"), nb::arg("out"),
             nb::sig("def decompress_int8(quantized: numpy.typing.NDArray[numpy.int8], scale: float, "
                     "out: numpy.typing.NDArray[typing.Any]) -> None"));
}

}  // namespace tidemill::python
