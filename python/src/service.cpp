#include "tidemill/service.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include "python/src/module.h"
#include "python/src/text_stream.h"

namespace tidemill::python {
namespace {

constexpr double kBetweenSignals = 0.05;  // seconds that a reader waits before it looks for Ctrl-C

// The next pieces, without the GIL while waiting; none at the end.  Ctrl-C ends the request and raises.
std::vector<Piece> next_pieces(TextStream& stream) {
  while (true) {
    std::vector<Piece> pieces;
    bool has_ended = false;
    {
      const nb::gil_scoped_release released;
      pieces = stream.take(kBetweenSignals);
      has_ended = pieces.empty() && stream.has_ended();
    }
    if (!pieces.empty() || has_ended) return pieces;
    if (PyErr_CheckSignals() != 0) {
      stream.cancel();
      throw nb::python_error();
    }
  }
}

std::vector<Piece> ready_pieces(TextStream& stream) {
  const nb::gil_scoped_release released;
  return stream.take(0);
}

struct SharedService {
  std::shared_ptr<Service> service;  // never null; streams share it
};

std::unique_ptr<TextStream> submit(const SharedService& self, const Engine& engine, const Request& request) {
  const nb::gil_scoped_release released;
  return std::make_unique<TextStream>(self.service, Submission{.request = request, .engine = engine});
}

}  // namespace

void bind_service(nb::module_& module) {
  nb::class_<Piece>(module, "Piece", "A token that was chosen, with the text that became certain with it.")
      .def_ro("id", &Piece::id, "-1: text that was held back.")
      .def_ro("text", &Piece::text, "Whole characters; perhaps empty.")
      .def_ro("logprobs", &Piece::logprobs, "Its own, then those of the most likely tokens, when asked for.")
      .def("__str__", [](const Piece& self) { return self.text; });

  nb::class_<TextStream>(module, "TextStream")
      .def("next_pieces", &next_pieces)
      .def("ready_pieces", &ready_pieces)
      .def("has_ended", &TextStream::has_ended)
      .def("result", &TextStream::result)
      .def("cancel", &TextStream::cancel)
      .def("descriptor", &TextStream::descriptor);

  nb::class_<SharedService>(module, "Service")
      .def(
          "__init__",
          [](SharedService* self, const Engine& engine, int64_t max_running, int64_t max_queued) {
            const nb::gil_scoped_release released;
            const ServiceOptions options{.max_running = max_running, .max_queued = max_queued};
            new (self) SharedService{std::make_shared<Service>(engine, options)};
          },
          nb::arg("engine"), nb::kw_only(), nb::arg("max_running"), nb::arg("max_queued"))
      .def("submit", &submit, nb::arg("engine"), nb::arg("request"));
}

}  // namespace tidemill::python
