#include "tidemill/error.h"

#include <nanobind/stl/string.h>

#include <exception>

#include "python/src/module.h"

namespace tidemill::python {
namespace {

// Raises the class that tidemill/errors.py has for the code.
void raise(const Error& error) {
  const nb::object made =
      nb::module_::import_("tidemill.errors").attr("of_code")(to_string(error.code()), printable(error.what()));
  PyErr_SetObject(made.type().ptr(), made.ptr());
}

}  // namespace

void bind_error(nb::module_&) {
  nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
    try {
      std::rethrow_exception(thrown);
    } catch (const Error& error) {
      raise(error);
    }
  });
}

}  // namespace tidemill::python
