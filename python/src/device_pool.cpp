#include "tidemill/device_pool.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "python/src/module.h"
#include "tidemill/error.h"

namespace tidemill::python {
namespace {

// An object that threads without the GIL hold and let go of.
using HeldObject = std::shared_ptr<PyObject>;

HeldObject hold(const nb::object& object) {
  return {nb::object(object).release().ptr(), [](PyObject* held) {
            const nb::gil_scoped_acquire acquired;
            Py_XDECREF(held);
          }};
}

nb::handle handle_of(const HeldObject& object) {
  return object.get();
}

// What a worker of tidemill/device_pool.py says of itself; the work is done by tasks, which know it by its index.
class PythonDevice : public Device {
 public:
  PythonDevice(int index, std::string name, int slots, const nb::object& check, const nb::object& interrupt)
      : index_(index), name_(std::move(name)), slots_(slots), check_(hold(check)), interrupt_(hold(interrupt)) {}

  int index() const { return index_; }
  std::string name() const override { return name_; }
  int slots() const override { return slots_; }

  bool check() override {
    const nb::gil_scoped_acquire acquired;
    return handle_of(check_).is_none() || nb::cast<bool>(nb::bool_(handle_of(check_)()));
  }

  void interrupt() override {
    const nb::gil_scoped_acquire acquired;
    if (handle_of(interrupt_).is_none()) return;
    try {
      handle_of(interrupt_)();
    } catch (nb::python_error& error) {
      error.discard_as_unraisable("an interrupt of a device pool's worker");
    }
  }

 private:
  int index_;
  std::string name_;
  int slots_;
  HeldObject check_, interrupt_;
};

// Calls task.`method`(argument), which does not raise unless the package is wrong.
void tell(const HeldObject& task, const char* method, nb::handle argument) {
  try {
    handle_of(task).attr(method)(argument);
  } catch (nb::python_error& error) {
    error.discard_as_unraisable("a task of a device pool");
  }
}

nb::object python_exception(const std::exception_ptr& problem) {
  try {
    std::rethrow_exception(problem);
  } catch (const nb::python_error& error) {
    return nb::borrow(error.value());
  } catch (const Error& error) {
    return nb::module_::import_("tidemill.errors").attr("of_code")(to_string(error.code()), printable(error.what()));
  } catch (const std::exception& error) {
    return nb::module_::import_("builtins").attr("RuntimeError")(error.what());
  }
}

using Workers = nb::typed<nb::list, nb::object>;

// A pool of workers in Python, which lets go of the GIL whenever it may wait for one of them.
class PythonPool {
  // Calls `body(pool)` without the GIL: threads of the pool take it for what they call and let go of, some with the
  // pool's mutex.  Where the pool is closed meanwhile it ends here, before the GIL is taken again.
  template <typename Body>
  auto use(const Body& body) const {
    if (pool_ == nullptr) throw Error(ErrorCode::invalid_argument, "device pool: it is closed; make another one");
    std::shared_ptr<DevicePool> shared = pool_;
    const nb::gil_scoped_release released;
    const std::shared_ptr<DevicePool> pool = std::move(shared);
    return body(*pool);
  }

 public:
  PythonPool(const Workers& workers, const DevicePoolOptions& options) {
    std::vector<std::unique_ptr<Device>> devices;
    for (const nb::handle worker : workers) {
      devices.push_back(std::make_unique<PythonDevice>(
          static_cast<int>(devices.size()), nb::cast<std::string>(worker.attr("name")),
          nb::cast<int>(worker.attr("slots")), nb::borrow(worker.attr("check")), nb::borrow(worker.attr("interrupt"))));
    }
    pool_ = std::make_shared<DevicePool>(std::move(devices), options);
  }
  ~PythonPool() { close(); }
  PythonPool(const PythonPool&) = delete;
  PythonPool& operator=(const PythonPool&) = delete;

  // task.attempt(index) gives what answers it, or None where it failed for what the task itself is; then
  // task.answer(that), or task.fail(problem), is called once.
  void submit(const nb::object& task) {
    const HeldObject held = hold(task);
    use([&](DevicePool& pool) {
      pool.submit(
          [held](Device& device) -> DevicePool::Answer {
            const nb::gil_scoped_acquire acquired;
            const nb::object found = handle_of(held).attr("attempt")(static_cast<PythonDevice&>(device).index());
            if (found.is_none()) throw Error(ErrorCode::cancelled, "task: no device can do it");
            return [held, answer = hold(found)] {
              const nb::gil_scoped_acquire answering;
              tell(held, "answer", handle_of(answer));
            };
          },
          [held](const std::exception_ptr& problem) {
            const nb::gil_scoped_acquire acquired;
            tell(held, "fail", python_exception(problem));
          });
    });
  }

  std::vector<DeviceStatistics> statistics() const {
    return use([](const DevicePool& pool) { return pool.statistics(); });
  }

  // Waits for what runs.
  void close() {
    std::shared_ptr<DevicePool> pool = std::move(pool_);
    const nb::gil_scoped_release released;
    pool.reset();
  }

 private:
  std::shared_ptr<DevicePool> pool_;  // under the GIL
};

}  // namespace

void bind_device_pool(nb::module_& module) {
  nb::class_<DeviceStatistics>(module, "DeviceStatistics", "What a device of a pool did.")
      .def_ro("name", &DeviceStatistics::name)
      .def_ro("slots", &DeviceStatistics::slots, "Tasks that it runs at once.")
      .def_ro("is_healthy", &DeviceStatistics::is_healthy)
      .def_ro("n_running", &DeviceStatistics::n_running)
      .def_ro("n_answered", &DeviceStatistics::n_answered, "Tasks.")
      .def_ro("n_failed", &DeviceStatistics::n_failed, "Attempts that raised or took too long.")
      .def_ro("n_timeouts", &DeviceStatistics::n_timeouts, "Of those, the ones that took too long.")
      .def_ro("n_late", &DeviceStatistics::n_late, "Answers that were dropped, for another device had the task.")
      .def_ro("n_retired", &DeviceStatistics::n_retired, "Times.")
      .def_ro("busy_s", &DeviceStatistics::busy_s, "Of all slots.")
      .def_ro("latency_s", &DeviceStatistics::latency_s, "Of a task, a mean that forgets; 0 before the first.");
  nb::enum_<Balance>(module, "Balance")
      .value("round_robin", Balance::round_robin)
      .value("least_loaded", Balance::least_loaded)
      .value("performance", Balance::performance)
      .value("random", Balance::random);
  nb::class_<DevicePoolOptions>(module, "DevicePoolOptions")
      .def(nb::init<>())
      .def_rw("balance", &DevicePoolOptions::balance)
      .def_rw("max_in_flight", &DevicePoolOptions::max_in_flight)
      .def_rw("max_attempts", &DevicePoolOptions::max_attempts)
      .def_rw("failures_to_retire", &DevicePoolOptions::failures_to_retire)
      .def_rw("timeout_s", &DevicePoolOptions::timeout_s)
      .def_rw("check_interval_s", &DevicePoolOptions::check_interval_s)
      .def_rw("max_check_interval_s", &DevicePoolOptions::max_check_interval_s)
      .def_rw("give_up_s", &DevicePoolOptions::give_up_s)
      .def_rw("seed", &DevicePoolOptions::seed);
  nb::class_<PythonPool>(module, "DevicePool")
      .def(nb::init<const Workers&, const DevicePoolOptions&>(), nb::arg("workers"), nb::arg("options"))
      .def("submit", &PythonPool::submit, nb::arg("task"))
      .def("statistics", &PythonPool::statistics)
      .def("close", &PythonPool::close);
}

}  // namespace tidemill::python
