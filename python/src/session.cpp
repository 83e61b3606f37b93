#include "python/src/session.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <chrono>
#include <span>

#include "python/src/module.h"
#include "python/src/progress.h"
#include "python/src/text_stream.h"
#include "tidemill/error.h"

namespace tidemill::python {
namespace {

// Scores are computed in pieces that take about so long, after each of which Ctrl-C is seen.  Shorter ones would read
// the weights too often.
constexpr double kPieceSeconds = 0.07;
constexpr size_t kFirstPiece = 16, kLeastPiece = 8, kMostPiece = 512;

// How many ids the next piece has, after one of `n` that took so long.
size_t next_piece(size_t n, double seconds) {
  const double wanted = static_cast<double>(n) * kPieceSeconds / std::max(seconds, 1e-6);
  return static_cast<size_t>(std::clamp(wanted, static_cast<double>(kLeastPiece), static_cast<double>(kMostPiece)));
}

using OnPiece = nb::typed<nb::callable, nb::object(Piece)>;

Result generate(LockedSession& self, const Request& asked, const std::optional<OnPiece>& on_piece) {
  const LockedSession::Work work(self);
  Progress progress(on_piece);
  Request request = asked;
  request.cancelled = [&] { return progress.should_end(); };
  EventSink sink;
  if (on_piece)
    sink = [&](const Event& event) {
      return progress(Piece{event.id, std::string(event.text), {event.logprobs.begin(), event.logprobs.end()}});
    };
  Result result = progress.watch([&] { return work.session().generate(request, sink); });
  progress.raise();  // a text that was cancelled has an end, too
  return result;
}

nb::ndarray<nb::numpy, float, nb::ndim<1>> append(LockedSession& self, const std::vector<int32_t>& ids) {
  const LockedSession::Work work(self);
  std::vector<float> scores;
  {
    const nb::gil_scoped_release released;
    const auto last = work.session().append(ids);
    scores.assign(last.begin(), last.end());
  }
  return array_of(std::move(scores));
}

std::unique_ptr<LockedSession> fork(LockedSession& self) {
  const LockedSession::Work work(self);
  const nb::gil_scoped_release released;
  return std::make_unique<LockedSession>(self.engine(), work.session().fork());
}

// A call of the session that answers nothing, while other threads of Python run.
template <auto kCall, typename Argument>
void call(LockedSession& self, const Argument& argument) {
  const nb::gil_scoped_release released;
  (LockedSession::Work(self).session().*kCall)(argument);
}

}  // namespace

LockedSession::Work::Work(LockedSession& of) : of_(of) {
  if (of_.is_working_.exchange(true))
    throw Error(ErrorCode::invalid_argument,
                "session: is at work already; wait for that call, or take a session of its own for each thread");
}

FloatMatrix LockedSession::score(const std::vector<int32_t>& ids) {
  const Work work(*this);
  Progress progress;
  const int64_t width = engine_.vocab_size();
  return matrix_of(std::ssize(ids), width, [&](float* target) {
    progress.watch([&] {
      std::span<const int32_t> rest = ids;
      size_t n = kFirstPiece;
      do {
        const auto piece = rest.first(std::min(n, rest.size()));
        const auto begun = std::chrono::steady_clock::now();
        float* row = target;
        work.session().score(
            piece, [&](int64_t, std::span<const float> logits) { row = std::copy(logits.begin(), logits.end(), row); });
        target = row;
        rest = rest.subspan(piece.size());
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
        if (took.count() > kPieceSeconds / 10 && !progress()) throw Error(ErrorCode::cancelled, "session: cancelled");
        n = next_piece(piece.size(), took.count());
      } while (!rest.empty());
    });
  });
}

void bind_session(nb::module_& module) {
  nb::class_<LockedSession>(module, "Session")
      .def(nb::init<const Engine&>(), nb::arg("engine"), nb::call_guard<nb::gil_scoped_release>())
      .def("generate", &generate, nb::arg("request"), nb::arg("on_piece").none())
      .def("score", &LockedSession::score, nb::arg("ids"))
      .def("append", &append, nb::arg("ids"))
      .def("fork", &fork)
      .def("truncate", &call<&Session::truncate, int64_t>, nb::arg("n"))
      .def("save", &call<&Session::save, std::string>, nb::arg("path"))
      .def("restore", &call<&Session::restore, std::string>, nb::arg("path"))
      .def("__len__", [](LockedSession& self) { return LockedSession::Work(self).session().size(); });
}

}  // namespace tidemill::python
