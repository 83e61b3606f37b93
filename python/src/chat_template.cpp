#include "tidemill/chat_template.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>

#include "python/src/module.h"

namespace tidemill::python {

void bind_chat_template(nb::module_& module) {
  nb::class_<ChatTemplate>(module, "ChatTemplate", "Messages to the prompt that a model was trained on; immutable.")
      .def_static("from_file", &ChatTemplate::from_file, nb::arg("path"))
      .def(
          "render",
          [](const ChatTemplate& self, std::string_view variables, const std::string& now) {
            const nb::gil_scoped_release released;
            return self.render(variables, {.now = now});
          },
          nb::arg("variables"), nb::arg("now") = "", "The text for the variables, a JSON object.")
      .def_prop_ro("source", &ChatTemplate::source);
}

}  // namespace tidemill::python
