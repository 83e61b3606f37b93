#include "python/src/object_key.h"

namespace tidemill::python {
namespace {

constexpr Py_ssize_t kMostItems = 16;
constexpr int kMostNested = 3;

// Whether comparing the object with another such one runs nobody's code.
bool is_plain(PyObject* object, int n_nested = 0) {
  if (PyUnicode_CheckExact(object) || PyLong_CheckExact(object) || PyBytes_CheckExact(object) ||
      PyFloat_CheckExact(object) || PyBool_Check(object) || object == Py_None)
    return true;
  if (!PyTuple_CheckExact(object) || n_nested == kMostNested) return false;
  const Py_ssize_t n = PyTuple_Size(object);
  if (n > kMostItems) return false;
  for (Py_ssize_t index = 0; index < n; ++index)
    if (!is_plain(PyTuple_GetItem(object, index), n_nested + 1)) return false;
  return true;
}

bool are_equal(PyObject* a, PyObject* b) {
  const int equal = PyObject_RichCompareBool(a, b, Py_EQ);
  if (equal < 0) throw nb::python_error();
  return equal != 0;
}

}  // namespace

KeyLookup::KeyLookup(PyObject* object) : object_(object), is_plain_(python::is_plain(object)) {
  const Py_hash_t hash = PyObject_Hash(object);
  if (hash == -1) throw nb::python_error();
  hash_ = static_cast<size_t>(hash);
}

bool KeyLookup::equals(PyObject* stored, bool stored_is_plain) const {
  if (is_plain_ && stored_is_plain) return are_equal(stored, object_);
  if (same_ != nullptr && stored == same_) return true;
  for (const Ref& known : compared_)
    if (known.get() == stored) return false;
  noted_.emplace_back(stored);
  if (must_decide_) throw Undecided();
  return false;
}

// Whether there was something to compare and nothing was equal.
bool KeyLookup::compare_noted() {
  if (noted_.empty()) return false;
  std::vector<Ref> noted = std::exchange(noted_, {});
  same_ = nullptr;
  for (Ref& stored : noted) {
    const bool is_same = are_equal(stored.get(), object_);
    compared_.push_back(std::move(stored));
    if (!is_same) continue;
    same_ = compared_.back().get();
    return false;
  }
  return true;
}

bool KeyEqual::operator()(const ObjectKey& key, const ObjectKey& stored) const {
  return key.object.get() == stored.object.get() || (key.hash == stored.hash && key.is_plain && stored.is_plain &&
                                                     are_equal(stored.object.get(), key.object.get()));
}

}  // namespace tidemill::python
