#include "tidemill/tensor_ops.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <new>
#include <vector>

#include "python/src/array_argument.h"
#include "python/src/module.h"

namespace tidemill::python {
namespace {

// Letting go of the GIL and taking it back costs as much as some thousand numbers take.
constexpr int64_t kElementsWithGil = 4096;

template <typename Call>
void compute(int64_t n_elements, const Call& call) {
  try {
    if (n_elements <= kElementsWithGil) return call();
    const nb::gil_scoped_release released;
    call();
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::out_of_memory, "memory: there is none for the work; give the arrays in parts");
  }
}

// A function of one array, of its shape.
template <typename Call>
NumpyArray of_array(const ArrayArgument& x, const Call& call) {
  ArrayResult out(x.view().shape, result_dtype({x.view().dtype}));
  compute(x.view().n_elements(), [&] { call(out.view()); });
  return out.take();
}

bool is_number(nb::handle x) {
  return PyFloat_Check(x.ptr()) || PyLong_CheckExact(x.ptr());
}
float number(nb::handle x) {
  const double value = PyFloat_AsDouble(x.ptr());
  if (value == -1 && PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    throw Error(ErrorCode::invalid_argument, "x: the number is too large for a float");
  }
  return static_cast<float>(value);
}

NumberOrArray gelu_of(TensorOps& self, nb::handle x, bool is_tanh) {
  const GeluForm form = is_tanh ? GeluForm::tanh : GeluForm::exact;
  if (is_number(x)) return NumberOrArray(nb::float_(gelu(number(x), form)));
  const ArrayArgument argument(x, "x");
  return NumberOrArray(of_array(argument, [&](const ArrayView& out) { self.gelu(argument.view(), form, out); }));
}

NumberOrArray silu_of(TensorOps& self, nb::handle x) {
  if (is_number(x)) return NumberOrArray(nb::float_(silu(number(x))));
  const ArrayArgument argument(x, "x");
  return NumberOrArray(of_array(argument, [&](const ArrayView& out) { self.silu(argument.view(), out); }));
}

NumpyArray softmax_of(TensorOps& self, nb::handle x, int axis) {
  const ArrayArgument argument(x, "x");
  return of_array(argument, [&](const ArrayView& out) { self.softmax(argument.view(), axis, out); });
}

// An argument that may be None.
class MaybeArray {
 public:
  MaybeArray(nb::handle object, const char* name, Holds holds = Holds::floats) {
    if (object.is_none()) return;
    argument_.emplace(object, name, holds);
    view_ = argument_->view();
  }
  const std::optional<ArrayView>& view() const { return view_; }

 private:
  std::optional<ArrayArgument> argument_;
  std::optional<ArrayView> view_;
};

NumpyArray layer_norm_of(TensorOps& self, nb::handle x, nb::handle weight, nb::handle bias, float eps) {
  const ArrayArgument argument(x, "x");
  const MaybeArray scale(weight, "weight"), shift(bias, "bias");
  return of_array(
      argument, [&](const ArrayView& out) { self.layer_norm(argument.view(), scale.view(), shift.view(), eps, out); });
}

NumpyArray rms_norm_of(TensorOps& self, nb::handle x, nb::handle weight, float eps) {
  const ArrayArgument argument(x, "x");
  const MaybeArray scale(weight, "weight");
  return of_array(argument, [&](const ArrayView& out) { self.rms_norm(argument.view(), scale.view(), eps, out); });
}

using Positions = nb::ndarray<const int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

NumpyArray rope_of(TensorOps& self, nb::handle x, const Positions& positions, double base, int64_t n_rotated,
                   bool interleaved) {
  const ArrayArgument argument(x, "x");
  const Rotation rotation{.positions = {positions.data(), positions.size()},
                          .base = base,
                          .n_rotated = n_rotated,
                          .is_interleaved = interleaved};
  return of_array(argument, [&](const ArrayView& out) { self.rope(argument.view(), rotation, out); });
}

NumpyArray matmul_of(TensorOps& self, nb::handle a, nb::handle b, const std::optional<std::vector<int64_t>>& sizes) {
  ArrayArgument left(a, "a"), right(b, "b");
  if (sizes) {
    left.as_matrix((*sizes)[0], (*sizes)[1]);
    right.as_matrix((*sizes)[1], (*sizes)[2]);
  }
  const std::vector<int64_t> shape = matmul_shape(left.view(), right.view());
  ArrayResult out(shape, result_dtype({left.view().dtype, right.view().dtype}));
  compute(left.view().n_elements() + right.view().n_elements(),
          [&] { self.matmul(left.view(), right.view(), out.view()); });
  return out.take();
}

NumpyArray attention_of(TensorOps& self, nb::handle q, nb::handle k, nb::handle v, nb::handle mask, bool causal,
                        std::optional<float> scale) {
  const ArrayArgument queries(q, "q"), keys(k, "k"), values(v, "v");
  const MaybeArray seen(mask, "mask", Holds::floats_or_booleans);
  ArrayResult out(queries.view().shape, result_dtype({queries.view().dtype, keys.view().dtype, values.view().dtype}));
  compute(keys.view().n_elements() + queries.view().n_elements(), [&] {
    self.attention(queries.view(), keys.view(), values.view(),
                   {.mask = seen.view(), .is_causal = causal, .scale = scale}, out.view());
  });
  return out.take();
}

double dot_of(TensorOps& self, nb::handle a, nb::handle b) {
  const ArrayArgument left(a, "a"), right(b, "b");
  double sum = 0;
  compute(left.view().n_elements(), [&] { sum = self.dot(left.view(), right.view()); });
  return sum;
}

NumpyArray add_of(TensorOps& self, nb::handle a, nb::handle b) {
  const ArrayArgument left(a, "a"), right(b, "b");
  const DType first = left.view().dtype, second = right.view().dtype;
  // Sums of float64 are computed in it.
  ArrayResult out(left.view().shape,
                  first == DType::f64 || second == DType::f64 ? DType::f64 : result_dtype({first, second}));
  compute(left.view().n_elements(), [&] { self.add(left.view(), right.view(), out.view()); });
  return out.take();
}

}  // namespace

void bind_tensor_ops(nb::module_& module) {
  import_numpy();
  nb::class_<TensorOps>(module, "TensorOps")
      .def(nb::init<int>(), nb::arg("num_threads"))
      .def_prop_ro("num_threads", &TensorOps::n_threads)
      .def("matmul", &matmul_of, nb::arg("a").none(), nb::arg("b").none(), nb::arg("sizes").none())
      .def("attention", &attention_of, nb::arg("q").none(), nb::arg("k").none(), nb::arg("v").none(),
           nb::arg("mask").none(), nb::arg("causal"), nb::arg("scale").none())
      .def("gelu", &gelu_of, nb::arg("x").none(), nb::arg("tanh"))
      .def("silu", &silu_of, nb::arg("x").none())
      .def("softmax", &softmax_of, nb::arg("x").none(), nb::arg("axis"))
      .def("layer_norm", &layer_norm_of, nb::arg("x").none(), nb::arg("weight").none(), nb::arg("bias").none(),
           nb::arg("eps"))
      .def("rms_norm", &rms_norm_of, nb::arg("x").none(), nb::arg("weight").none(), nb::arg("eps"))
      .def("rope", &rope_of, nb::arg("x").none(), nb::arg("positions"), nb::arg("base"), nb::arg("n_rotated"),
           nb::arg("interleaved"))
      .def("dot", &dot_of, nb::arg("a").none(), nb::arg("b").none())
      .def("add", &add_of, nb::arg("a").none(), nb::arg("b").none())
      .def("warm_up", &TensorOps::warm_up, nb::call_guard<nb::gil_scoped_release>());
}

}  // namespace tidemill::python
