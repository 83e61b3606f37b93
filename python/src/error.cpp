#include "tidemill/error.h"

#include <nanobind/stl/string.h>

#include <exception>

#include "python/src/module.h"
#include "tidemill/tensor_ops.h"

namespace tidemill::python {
namespace {

void raise(const nb::object& error) {
  PyErr_SetObject(error.type().ptr(), error.ptr());
}

nb::module_ classes() {
  return nb::module_::import_("tidemill.errors");
}

}  // namespace

void bind_error(nb::module_&) {
  nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
    try {
      std::rethrow_exception(thrown);
    } catch (const ShapeError& error) {
      raise(classes().attr("ShapeError")(printable(error.what())));
    } catch (const Error& error) {
      raise(classes().attr("of_code")(to_string(error.code()), printable(error.what())));
    }
  });
}

}  // namespace tidemill::python
