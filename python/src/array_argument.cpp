#include "python/src/array_argument.h"

#include <nanobind/stl/string.h>

#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#include <numpy/arrayobject.h>

#include <algorithm>
#include <type_traits>
#include <utility>

#include "tidemill/error.h"
#include "tidemill/tensor_ops.h"

namespace tidemill::python {
namespace {

static_assert(std::is_same_v<npy_intp, int64_t>, "shapes and strides of NumPy are read where they are");

constexpr const char* kGiveFloats = "give float32, float16, bfloat16 or float64";

// A Python error that is being raised, under a message that names the argument.
[[noreturn]] void fail(PyObject* type, const std::string& message) {
  if (PyErr_Occurred() != nullptr) {
    nb::python_error cause;
    nb::raise_from(cause, type, "%s", message.c_str());
  }
  PyErr_SetString(type, message.c_str());
  throw nb::python_error();
}

std::string name_of_type(nb::handle object) {
  return nb::cast<std::string>(object.type().attr("__name__"));
}

// NumPy's number for the type of the package ml_dtypes; -1 when it is not loaded.
int bfloat16_number() {
  static int number = -1;
  if (number != -1) return number;
  const nb::object modules = nb::module_::import_("sys").attr("modules");
  const nb::object package = modules.attr("get")("ml_dtypes");
  if (package.is_none()) return -1;
  PyArray_Descr* description = nullptr;
  if (PyArray_DescrConverter(package.attr("bfloat16").ptr(), &description) == 0) throw nb::python_error();
  number = description->type_num;
  Py_DECREF(description);
  return number;
}

bool dtype_of(int type_number, Holds holds, DType& dtype) {
  switch (type_number) {
    case NPY_FLOAT:
      dtype = DType::f32;
      return true;
    case NPY_DOUBLE:
      dtype = DType::f64;
      return true;
    case NPY_HALF:
      dtype = DType::f16;
      return true;
    case NPY_BOOL:
      dtype = DType::boolean;
      return holds == Holds::floats_or_booleans;
    default:
      dtype = DType::bf16;
      return type_number >= NPY_USERDEF && type_number == bfloat16_number();
  }
}

int number_of(DType dtype) {
  if (dtype == DType::f32) return NPY_FLOAT;
  if (dtype == DType::f64) return NPY_DOUBLE;
  if (dtype == DType::f16) return NPY_HALF;
  if (bfloat16_number() == -1) nb::module_::import_("ml_dtypes");
  return bfloat16_number();
}

PyArrayObject* as_numpy(PyObject* object) {
  return reinterpret_cast<PyArrayObject*>(object);
}

ArrayView view_of(PyArrayObject* array, DType dtype) {
  const auto rank = static_cast<size_t>(PyArray_NDIM(array));
  return {PyArray_DATA(array), dtype, {PyArray_DIMS(array), rank}, {PyArray_STRIDES(array), rank}};
}

}  // namespace

void import_numpy() {
  if (_import_array() < 0) throw nb::python_error();
}

ArrayArgument::ArrayArgument(nb::handle object, const char* name, Holds holds) : name_(name) {
  if (PyArray_Check(object.ptr())) {
    see_numpy(object.ptr(), holds);
  } else if (nb::hasattr(object, "__dlpack__")) {
    const std::string kind = name_of_type(object);
    PyObject* const capsule = PyObject_CallMethod(object.ptr(), "__dlpack__", nullptr);
    if (capsule == nullptr)
      fail(PyExc_TypeError, std::string(name) + ": the " + kind + " cannot be read where it lies");
    see_dlpack(nb::steal(capsule), holds);
  } else {
    owner_ = converted(object);
    see_numpy(owner_.ptr(), holds);
  }
}

void ArrayArgument::see_numpy(PyObject* object, Holds holds) {
  PyArrayObject* array = as_numpy(object);
  DType dtype;
  if (!dtype_of(PyArray_TYPE(array), holds, dtype)) {
    const nb::object found_type = nb::handle(object).attr("dtype");
    const auto found = nb::cast<std::string>(nb::str(nb::handle(found_type)));
    fail(PyExc_TypeError, std::string(name_) + ": an array of " + found + "; " + kGiveFloats);
  }
  if (!PyArray_ISBEHAVED_RO(array)) {  // of another byte order, or at odd addresses
    owner_ = nb::steal(PyArray_FROM_OF(object, NPY_ARRAY_ALIGNED | NPY_ARRAY_NOTSWAPPED));
    if (!owner_.is_valid()) throw nb::python_error();
    array = as_numpy(owner_.ptr());
  }
  view_ = view_of(array, dtype);
}

void ArrayArgument::see_dlpack(nb::object capsule, Holds holds) {
  if (!nb::try_cast(capsule, lent_)) {
    PyErr_Clear();
    fail(PyExc_TypeError, std::string(name_) + ": what it lends by DLPack cannot be read");
  }
  if (lent_.device_type() != nb::device::cpu::value) {
    fail(PyExc_TypeError, std::string(name_) + ": it is not in the memory of the CPU; bring it there, as by .cpu()");
  }
  const auto type = lent_.dtype();
  const auto is = [&](nb::dlpack::dtype_code code, int bits) {
    return type.code == static_cast<uint8_t>(code) && type.bits == bits && type.lanes == 1;
  };
  using Code = nb::dlpack::dtype_code;
  DType dtype = DType::f32;
  if (is(Code::Float, 64)) {
    dtype = DType::f64;
  } else if (is(Code::Float, 16)) {
    dtype = DType::f16;
  } else if (is(Code::Bfloat, 16)) {
    dtype = DType::bf16;
  } else if (is(Code::Bool, 8) && holds == Holds::floats_or_booleans) {
    dtype = DType::boolean;
  } else if (!is(Code::Float, 32)) {
    fail(PyExc_TypeError, std::string(name_) + ": numbers of another type; " + kGiveFloats);
  }
  const size_t rank = lent_.ndim();
  const int64_t item = type.bits / 8;
  for (size_t axis = 0; axis < rank; ++axis) dims_.push_back(static_cast<int64_t>(lent_.shape(axis)));
  for (size_t axis = 0; axis < rank; ++axis) dims_.push_back(lent_.stride(axis) * item);
  view_ = {const_cast<void*>(lent_.data()), dtype, std::span(dims_).first(rank), std::span(dims_).last(rank)};
}

nb::object ArrayArgument::converted(nb::handle object) const {
  const bool is_list = PyList_Check(object.ptr()) || PyTuple_Check(object.ptr());
  const bool is_array = PyObject_CheckBuffer(object.ptr()) || nb::hasattr(object, "__array_interface__");
  if (!is_list && (!is_array || PyBytes_Check(object.ptr()) || PyByteArray_Check(object.ptr()))) {
    fail(PyExc_TypeError, std::string(name_) + ": a " + name_of_type(object) +
                              " is no array; give a NumPy array, one that " + "speaks DLPack, or a list of numbers");
  }
  PyObject* const found = PyArray_FROM_O(object.ptr());
  if (found == nullptr) {
    if (!PyErr_ExceptionMatches(PyExc_ValueError)) throw nb::python_error();
    PyErr_Clear();
    throw ShapeError(std::string(name_) + ": its lists are of different lengths; give as many numbers in each");
  }
  nb::object array = nb::steal(found);
  if (!is_list) return array;
  const int type = PyArray_TYPE(as_numpy(found));
  if (type == NPY_BOOL) return array;
  if (!PyTypeNum_ISINTEGER(type) && type != NPY_DOUBLE) return array;  // as it is, or refused for what it is
  PyObject* const floats = PyArray_Cast(as_numpy(found), NPY_FLOAT);
  if (floats == nullptr) throw nb::python_error();
  return nb::steal(floats);
}

const ArrayView& ArrayArgument::in_one_piece() {
  if (view_.is_contiguous()) return view_;
  const nb::object strided =
      nb::steal(PyArray_New(&PyArray_Type, view_.rank(), view_.shape.data(), number_of(view_.dtype),
                            view_.strides.data(), view_.data, 0, NPY_ARRAY_ALIGNED, nullptr));
  if (!strided.is_valid()) throw nb::python_error();
  owner_ = nb::steal(PyArray_NewCopy(as_numpy(strided.ptr()), NPY_CORDER));
  if (!owner_.is_valid()) throw nb::python_error();
  view_ = view_of(as_numpy(owner_.ptr()), view_.dtype);
  return view_;
}

const ArrayView& ArrayArgument::as_matrix(int64_t n_rows, int64_t n_columns) {
  const std::string wanted = "[" + std::to_string(n_rows) + ", " + std::to_string(n_columns) + "]";
  int64_t n = 0;
  const bool is_size = n_rows >= 0 && n_columns >= 0 && !__builtin_mul_overflow(n_rows, n_columns, &n);
  const bool is_flat = is_size && view_.rank() == 1 && view_.dim(1) == n;
  if (!is_flat && !(is_size && view_.rank() == 2 && view_.dim(2) == n_rows && view_.dim(1) == n_columns)) {
    std::string found;
    for (const int64_t dim : view_.shape) found += (found.empty() ? "" : ", ") + std::to_string(dim);
    throw ShapeError(std::string(name_) + ": the shape [" + found + "]: expected " + wanted +
                     ", or as many numbers in a row");
  }
  if (is_flat) {
    const int64_t stride = view_.strides[0];
    dims_ = {n_rows, n_columns, n_columns * stride, stride};
    view_.shape = std::span(dims_).first(2);
    view_.strides = std::span(dims_).last(2);
  }
  return view_;
}

ArrayResult::ArrayResult(std::span<const int64_t> shape, DType dtype) {
  array_ = nb::steal(PyArray_SimpleNew(static_cast<int>(shape.size()), shape.data(), number_of(dtype)));
  if (!array_.is_valid()) {
    if (!PyErr_ExceptionMatches(PyExc_MemoryError)) throw nb::python_error();
    PyErr_Clear();
    throw Error(ErrorCode::out_of_memory, "result: there is no memory for it; give the arrays in parts");
  }
  view_ = view_of(as_numpy(array_.ptr()), dtype);
}

DType result_dtype(std::initializer_list<DType> dtypes) {
  const DType first = *dtypes.begin();
  const bool agree = std::ranges::all_of(dtypes, [&](DType one) { return one == first; });
  return agree && first != DType::f64 ? first : DType::f32;
}

}  // namespace tidemill::python
