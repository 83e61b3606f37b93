#include "tidemill/prompt_cache.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "python/src/module.h"
#include "python/src/session.h"

namespace tidemill::python {
namespace {

// A cache and what it told of files that it could not use.
class LockedPromptCache {
 public:
  LockedPromptCache(const Engine& engine, const std::string& path, int64_t max_bytes)
      : cache_(engine, {.path = path, .max_bytes = max_bytes, .on_note = [this](const std::string& note) {
                          notes_.push_back(note);
                        }}) {}
  LockedPromptCache(const LockedPromptCache&) = delete;
  LockedPromptCache& operator=(const LockedPromptCache&) = delete;

  int64_t load(LockedSession& session, const std::vector<int32_t>& prompt) {
    const std::lock_guard lock(mutex_);
    return cache_.load(LockedSession::Work(session).session(), prompt);
  }
  void store(LockedSession& session, const std::vector<int32_t>& prompt) {
    const std::lock_guard lock(mutex_);
    cache_.store(LockedSession::Work(session).session(), prompt);
  }
  // Since the last call of this.
  std::vector<std::string> take_notes() {
    const std::lock_guard lock(mutex_);
    return std::exchange(notes_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> notes_;
  PromptCache cache_;
};

}  // namespace

void bind_prompt_cache(nb::module_& module) {
  const nb::call_guard<nb::gil_scoped_release> without_gil;
  nb::class_<LockedPromptCache>(module, "PromptCache")
      .def(nb::init<const Engine&, const std::string&, int64_t>(), nb::arg("engine"), nb::arg("path"),
           nb::arg("max_bytes"), without_gil)
      .def("load", &LockedPromptCache::load, nb::arg("session"), nb::arg("prompt"), without_gil)
      .def("store", &LockedPromptCache::store, nb::arg("session"), nb::arg("prompt"), without_gil)
      .def("take_notes", &LockedPromptCache::take_notes, without_gil);
}

}  // namespace tidemill::python
