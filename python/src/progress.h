// Long work of the library that tells how far it is, watched from Python.
#pragma once

#include <nanobind/nanobind.h>

#include <chrono>
#include <optional>
#include <utility>

#include "tidemill/error.h"

namespace tidemill::python {

namespace nb = nanobind;

// What users give: called with the share that is done.
using OnShare = nb::typed<nb::callable, nb::object(double)>;

// The library calls it on the thread that asked for the work.  Ctrl-C, and what the user's function raises, end the
// work and are raised from `watch`.
class Progress {
 public:
  // Of work that tells nothing.
  Progress() : call_(nullptr) {}
  // `call` must outlive this.
  template <typename Call>
  explicit Progress(const std::optional<Call>& call) : call_(call ? &*call : nullptr) {}

  // Whether to go on.
  template <typename... Values>
  bool operator()(Values... values) {
    const nb::gil_scoped_acquire acquired;
    try {
      if (PyErr_CheckSignals() != 0) throw nb::python_error();
      if (call_) (*call_)(values...);
      return true;
    } catch (nb::python_error& error) {
      raised_.emplace(std::move(error));
      return false;
    }
  }

  // For work that asks often: whether to end, looked at every twentieth of a second, for a look may wait for the GIL.
  bool should_end() {
    const auto now = std::chrono::steady_clock::now();
    if (now - looked_ < std::chrono::milliseconds(50)) return false;
    looked_ = now;
    return !(*this)();
  }

  // Does `work` without the GIL.
  template <typename Work>
  auto watch(Work&& work) {
    try {
      const nb::gil_scoped_release released;
      return work();
    } catch (const Error&) {
      raise();
      throw;
    }
  }

  // Raises what has ended the work; for work that returns then.
  void raise() {
    if (raised_) throw nb::python_error(std::move(*raised_));
  }

 private:
  const nb::callable* call_;  // or null
  std::optional<nb::python_error> raised_;
  std::chrono::steady_clock::time_point looked_ = std::chrono::steady_clock::now();
};

}  // namespace tidemill::python
