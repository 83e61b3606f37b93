#include "python/src/id_lists.h"

#include <algorithm>

namespace tidemill::python {

IdLists::IdLists(int32_t vocab_size) : ints_(static_cast<size_t>(std::max(vocab_size, 0))) {}

IdLists::~IdLists() {
  for (PyObject* made : ints_) Py_XDECREF(made);
}

nb::object IdLists::list(std::span<const int32_t> ids) {
  nb::object list = nb::steal(PyList_New(static_cast<Py_ssize_t>(ids.size())));
  if (!list.is_valid()) throw nb::python_error();
  for (size_t k = 0; k < ids.size(); ++k) {
    const auto id = static_cast<size_t>(ids[k]);
    PyObject* item = nullptr;
    if (id >= ints_.size()) {  // padding by an id that is no token
      item = PyLong_FromLong(ids[k]);
    } else {
      if (ints_[id] == nullptr) ints_[id] = PyLong_FromLong(ids[k]);
      item = ints_[id];
      Py_XINCREF(item);
    }
    if (item == nullptr) throw nb::python_error();
    NB_LIST_SET_ITEM(list.ptr(), static_cast<Py_ssize_t>(k), item);
  }
  return list;
}

}  // namespace tidemill::python
