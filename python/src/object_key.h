// Python's objects as keys of a Cache.
//
// To compare two objects may run code of theirs, which may let other threads run, use the cache or take for ever: that
// must not happen under a cache's lock.  So equality under the lock is that of identity, or of types whose comparison
// runs no code of anybody's (str, int, tuples of such ...).  What that does not decide is noted, compared outside, and
// looked up again with what was learnt.  All of it holds the GIL, which a lock of the cache is never waited for with:
// nothing under one gives the GIL away.
#pragma once

#include <nanobind/nanobind.h>

#include <cstddef>
#include <utility>
#include <vector>

namespace tidemill::python {

namespace nb = nanobind;

// A reference to an object that is never null but when moved from.  nb::object checks the GIL at each copy in debug
// builds and is not destroyed where Python has ended; this is the plain thing.
class Ref {
 public:
  explicit Ref(PyObject* object) : object_(object) { Py_INCREF(object); }
  Ref(const Ref& other) : object_(other.object_) { Py_XINCREF(object_); }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() { Py_XDECREF(object_); }
  PyObject* get() const { return object_; }
  PyObject* release() { return std::exchange(object_, nullptr); }

 private:
  PyObject* object_;
};

// A key being looked up.
class KeyLookup {
 public:
  // Borrows the object.  Raises TypeError for what has no hash.
  explicit KeyLookup(PyObject* object);

  PyObject* object() const { return object_; }
  size_t hash() const { return hash_; }
  bool is_plain() const { return is_plain_; }

  // Calls `use(*this)`, which looks into a cache, until it needs no comparison that the cache cannot make.  Raises what
  // __eq__ does.
  template <typename Cache, typename Use>
  auto decide(Cache& cache, Use&& use) {
    if (!is_plain_) {  // an exception for each would cost more than a second look
      must_decide_ = false;
      do cache.contains(*this);
      while (compare_noted());
      must_decide_ = true;
    }
    while (true) {
      try {
        return use(*this);
      } catch (const Undecided&) {
        compare_noted();
      }
    }
  }

 private:
  friend struct KeyEqual;
  struct Undecided {};
  bool equals(PyObject* stored, bool stored_is_plain) const;
  bool compare_noted();

  PyObject* object_;
  size_t hash_;
  bool is_plain_;
  bool must_decide_ = true;
  PyObject* same_ = nullptr;  // a key that was found equal; among `compared_`
  std::vector<Ref> compared_;
  mutable std::vector<Ref> noted_;
};

// A key in a cache.
struct ObjectKey {
  ObjectKey(const KeyLookup& lookup)  // NOLINT: what Cache makes of what was looked up
      : object(lookup.object()), hash(lookup.hash()), is_plain(lookup.is_plain()) {}
  Ref object;
  size_t hash;
  bool is_plain;
};

struct KeyHash {
  size_t operator()(const KeyLookup& key) const { return key.hash(); }
  size_t operator()(const ObjectKey& key) const { return key.hash; }
};

struct KeyEqual {
  bool operator()(const KeyLookup& key, const ObjectKey& stored) const {
    return key.object() == stored.object.get() ||
           (key.hash() == stored.hash && key.equals(stored.object.get(), stored.is_plain));
  }
  // Of what was computed and what is there: where more than identity counts, the later one is another key that is
  // never found before the first.
  bool operator()(const ObjectKey& key, const ObjectKey& stored) const;
};

}  // namespace tidemill::python
