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

 private:
  std::vector<PyObject*> ints_;  // null: not made yet
};

}  // namespace tidemill::python
