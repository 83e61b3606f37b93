// Arrays as arguments and results, over NumPy's own C interface: a view of a NumPy array costs some nanoseconds, where
// the buffer protocol and DLPack take longer than a small sum.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tidemill/array_view.h"

namespace tidemill::python {

namespace nb = nanobind;

// A NumPy array, for what signatures say.
class NumpyArray : public nb::object {
 public:
  static constexpr auto Name = nb::detail::const_name("numpy.typing.NDArray[typing.Any]");
  using nb::object::object;
  explicit NumpyArray(nb::object found) : nb::object(std::move(found)) {}
};
class NumberOrArray : public nb::object {
 public:
  static constexpr auto Name = nb::detail::const_name("float | numpy.typing.NDArray[typing.Any]");
  using nb::object::object;
  explicit NumberOrArray(nb::object found) : nb::object(std::move(found)) {}
};

// Before any of what follows.  Throws what importing NumPy throws.
void import_numpy();

// What an argument may hold.
enum class Holds { floats, floats_or_booleans };

// The numbers of an object, for the lifetime of this one: of a NumPy array or of who speaks DLPack or lends a buffer,
// where they lie; of a list, as float32. Throws TypeError for other objects and types of numbers, ShapeError for lists
// that are no array; their texts begin with `name`.
class ArrayArgument {
 public:
  ArrayArgument(nb::handle object, const char* name, Holds holds = Holds::floats);
  ArrayArgument(const ArrayArgument&) = delete;
  ArrayArgument& operator=(const ArrayArgument&) = delete;

  const ArrayView& view() const { return view_; }
  // Without gaps, the last axis innermost: a copy where the numbers do not lie so.
  const ArrayView& in_one_piece();
  // As a matrix of so many rows and columns: one of two axes that is that, or one axis with as many numbers.  Throws
  // ShapeError for others.
  const ArrayView& as_matrix(int64_t n_rows, int64_t n_columns);

 private:
  void see_numpy(PyObject* array, Holds holds);
  void see_dlpack(nb::object capsule, Holds holds);
  // An array from what is neither NumPy's nor DLPack's.
  nb::object converted(nb::handle object) const;

  const char* name_;
  nb::object owner_;  // of the numbers, when that is not the argument
  nb::ndarray<nb::ro> lent_;
  std::vector<int64_t> dims_;  // shape and strides, when NumPy does not keep them
  ArrayView view_;
};

// A fresh NumPy array, not yet filled.
class ArrayResult {
 public:
  // Throws out_of_memory; ImportError for bf16 where there is no package ml_dtypes.
  ArrayResult(std::span<const int64_t> shape, DType dtype);
  const ArrayView& view() const { return view_; }
  NumpyArray take() { return NumpyArray(std::move(array_)); }

 private:
  nb::object array_;
  ArrayView view_;
};

// The type of a result of arguments of these types: theirs where they agree, float32 where not or where it is float64,
// for numbers are computed in float32.
DType result_dtype(std::initializer_list<DType> dtypes);

}  // namespace tidemill::python
