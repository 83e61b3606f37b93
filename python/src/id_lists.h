// Lists of token ids for Python, quickly: most of the time would go into making an int for each id, so each id's int is
// made once.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace tidemill::python {

namespace nb = nanobind;

// The ints of a vocabulary, made when they are first asked for.  With the GIL.
class IdLists {
 public:
  explicit IdLists(int32_t vocab_size);
  ~IdLists();
  IdLists(const IdLists&) = delete;
  IdLists& operator=(const IdLists&) = delete;

  nb::object list(std::span<const int32_t> ids);

  // While one of these lives, the collector of garbage rests: it would come after each few hundred lists, look at all
  // that are made by then and at all their ids, and find nothing.
  class WithoutCollector {
   public:
    WithoutCollector() : was_enabled_(PyGC_Disable() != 0) {}
    ~WithoutCollector() {
      if (was_enabled_) PyGC_Enable();
    }
    WithoutCollector(const WithoutCollector&) = delete;
    WithoutCollector& operator=(const WithoutCollector&) = delete;

   private:
    bool was_enabled_;
  };

 private:
  std::vector<PyObject*> ints_;  // null: not made yet
};

}  // namespace tidemill::python
