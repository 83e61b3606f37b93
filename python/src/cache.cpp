#include "tidemill/cache.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cmath>
#include <memory>

#include "python/src/module.h"
#include "python/src/object_key.h"
#include "tidemill/error.h"

namespace tidemill::python {
namespace {

constexpr double kBetweenSignals = 0.05;  // seconds that a thread waits before it looks for Ctrl-C

using Objects = Cache<ObjectKey, Ref, KeyHash, KeyEqual>;

CachePolicy policy_of(const std::string& name) {
  if (name == "lru") return CachePolicy::lru;
  if (name == "s3-fifo") return CachePolicy::s3_fifo;
  throw Error(ErrorCode::invalid_argument, "policy: '" + printable(name, 50) + "' is neither lru nor s3-fifo");
}

// What a computation raised, for those who wait for it.
struct Raised {
  Ref exception;
};

// A cache of Python's objects, in one shard: the GIL lets one thread in anyway, and what goes is the last of all.
struct ObjectCache {
  ObjectCache(const CacheOptions& options, nb::object measure)
      : objects(options), size_of(std::move(measure)), limits(options) {}

  // Runs code of others, so never under a lock.
  size_t measured(nb::handle key, nb::handle value) const {
    if (!size_of.is_valid() || size_of.is_none()) return 0;
    size_t size_bytes = 0;
    if (!nb::try_cast(nb::object(size_of(key, value)), size_bytes))
      throw nb::type_error("size_of: gave no number of bytes, 0 or more");
    return size_bytes;
  }

  Objects objects;
  nb::object size_of;  // of a key and a value; None where bytes are not counted
  const CacheOptions limits;
};

void make_cache(ObjectCache* self, size_t capacity, const std::string& policy, std::optional<double> ttl_seconds,
                std::optional<size_t> max_memory, nb::object size_of) {
  if (capacity == 0) throw Error(ErrorCode::invalid_argument, "capacity: is 0; give at least 1");
  if (ttl_seconds && !(*ttl_seconds > 0 && std::isfinite(*ttl_seconds)))
    throw Error(ErrorCode::invalid_argument, "ttl_seconds: is not above 0; give None for values that do not expire");
  if (max_memory && *max_memory == 0) throw Error(ErrorCode::invalid_argument, "max_memory: is 0; give bytes or None");
  new (self) ObjectCache({.capacity = capacity,
                          .capacity_bytes = max_memory.value_or(0),
                          .ttl_seconds = ttl_seconds.value_or(0),
                          .policy = policy_of(policy)},
                         std::move(size_of));
}

nb::object get(ObjectCache& self, nb::handle key, nb::handle fallback) {
  KeyLookup lookup(key.ptr());
  std::optional<Ref> found =
      lookup.decide(self.objects, [&](const KeyLookup& asked) { return self.objects.get(asked); });
  return found ? nb::steal(found->release()) : nb::borrow(fallback);
}

[[noreturn]] void raise_key_error(nb::handle key) {
  const nb::object error = nb::borrow(PyExc_KeyError)(key);  // PyErr_SetObject alone would take a tuple apart
  PyErr_SetObject(PyExc_KeyError, error.ptr());
  throw nb::python_error();
}

nb::object item(ObjectCache& self, nb::handle key) {
  KeyLookup lookup(key.ptr());
  std::optional<Ref> found =
      lookup.decide(self.objects, [&](const KeyLookup& asked) { return self.objects.get(asked); });
  if (found) return nb::steal(found->release());
  raise_key_error(key);
}

void put(ObjectCache& self, nb::handle key, nb::handle value) {
  KeyLookup lookup(key.ptr());
  const size_t size_bytes = self.measured(key, value);
  lookup.decide(self.objects, [&](const KeyLookup& asked) { self.objects.put(asked, Ref(value.ptr()), size_bytes); });
}

bool erase(ObjectCache& self, nb::handle key) {
  KeyLookup lookup(key.ptr());
  return lookup.decide(self.objects, [&](const KeyLookup& asked) { return self.objects.erase(asked); });
}

bool contains(ObjectCache& self, nb::handle key) {
  KeyLookup lookup(key.ptr());
  return lookup.decide(self.objects, [&](const KeyLookup& asked) { return self.objects.contains(asked); });
}

// Waits for another thread's computation, without the GIL.
nb::object result_of(Objects::Claim& claim) {
  for (bool has_ended = false; !has_ended;) {
    {
      const nb::gil_scoped_release released;
      has_ended = claim.wait_for(kBetweenSignals);
    }
    if (!has_ended && PyErr_CheckSignals() != 0) throw nb::python_error();
  }
  try {
    return nb::steal(claim.result().release());
  } catch (const Raised& raised) {
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(raised.exception.get())), raised.exception.get());
    throw nb::python_error();
  }
}

nb::object get_or_compute(ObjectCache& self, nb::object key, nb::object compute) {
  KeyLookup lookup(key.ptr());
  auto claim = lookup.decide(self.objects, [&](const KeyLookup& asked) { return self.objects.claim(asked); });
  if (claim.found()) return nb::steal((*std::move(claim).found()).release());
  if (!claim.is_ours()) return result_of(claim);
  try {
    nb::object value = compute();
    claim.fulfil({.value = Ref(value.ptr()), .size_bytes = self.measured(key, value)});
    return value;
  } catch (nb::python_error& error) {
    claim.fail(std::make_exception_ptr(Raised{Ref(error.value().ptr())}));
    throw;
  }
}

nb::typed<nb::list, nb::typed<nb::tuple, nb::object, nb::object>> items(const ObjectCache& self) {
  std::vector<std::pair<Ref, Ref>> found;
  found.reserve(static_cast<size_t>(self.objects.statistics().entries));
  self.objects.for_each([&](const ObjectKey& key, const Ref& value) { found.emplace_back(key.object, value); });
  nb::list list;
  for (const auto& [key, value] : found) list.append(nb::make_tuple(nb::handle(key.get()), nb::handle(value.get())));
  return list;
}

// The collector comes where objects are made, which nothing under a lock does but for errors of recursion.
int traverse(PyObject* object, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(object));
  if (!nb::inst_ready(object)) return 0;
  const auto* self = nb::inst_ptr<ObjectCache>(object);
  Py_VISIT(self->size_of.ptr());
  int answer = 0;
  self->objects.for_each_unlocked([&](const ObjectKey& key, const Ref& value) {
    if (answer == 0) answer = visit(key.object.get(), arg);
    if (answer == 0) answer = visit(value.get(), arg);
  });
  return answer;
}

int clear(PyObject* object) {
  if (!nb::inst_ready(object)) return 0;
  auto* self = nb::inst_ptr<ObjectCache>(object);
  self->objects.clear();
  self->size_of.reset();
  return 0;
}

PyType_Slot slots[] = {
    {Py_tp_traverse, reinterpret_cast<void*>(traverse)}, {Py_tp_clear, reinterpret_cast<void*>(clear)}, {0, nullptr}};

}  // namespace

void bind_cache(nb::module_& module) {
  nb::class_<ObjectCache>(module, "ObjectCache", nb::type_slots(slots))
      .def("__init__", &make_cache, nb::arg("capacity"), nb::kw_only(), nb::arg("policy") = "lru",
           nb::arg("ttl_seconds") = nb::none(), nb::arg("max_memory") = nb::none(), nb::arg("size_of") = nb::none())
      .def("get", &get, nb::arg("key").none(), nb::arg("default") = nb::none(),
           "The value of a key, which counts as used; `default` where there is none.")
      .def("put", &put, nb::arg("key").none(), nb::arg("value").none(),
           "Keeps a value, in the place of any other; one larger than max_memory is not kept.")
      .def("remove", &erase, nb::arg("key").none(), "Returns whether there was a value.")
      .def("get_or_compute", &get_or_compute, nb::arg("key").none(), nb::arg("compute"),
           "The value of a key; compute() makes it where there is none, once however many threads ask: they wait, and "
           "what it raises reaches them all.")
      .def(
          "clear", [](ObjectCache& self) { self.objects.clear(); }, "Forgets all values, not what was counted.")
      .def("items", &items, "The keys and values that are there now, in no order.")
      .def("stats", [](const ObjectCache& self) { return self.objects.statistics(); })
      .def("__getitem__", &item, nb::arg("key").none())
      .def("__setitem__", &put, nb::arg("key").none(), nb::arg("value").none())
      .def("__contains__", &contains, nb::arg("key").none())
      .def(
          "__delitem__",
          [](ObjectCache& self, nb::handle key) {
            if (!erase(self, key)) raise_key_error(key);
          },
          nb::arg("key").none())
      .def("__len__", [](const ObjectCache& self) { return self.objects.statistics().entries; })
      .def_prop_ro("capacity", [](const ObjectCache& self) { return self.limits.capacity; })
      .def_prop_ro("max_memory",
                   [](const ObjectCache& self) {
                     return self.limits.capacity_bytes > 0 ? std::optional(self.limits.capacity_bytes) : std::nullopt;
                   })
      .def_prop_ro("ttl_seconds",
                   [](const ObjectCache& self) {
                     return self.limits.ttl_seconds > 0 ? std::optional(self.limits.ttl_seconds) : std::nullopt;
                   })
      .def_prop_ro("policy",
                   [](const ObjectCache& self) { return self.limits.policy == CachePolicy::lru ? "lru" : "s3-fifo"; });
}

}  // namespace tidemill::python
