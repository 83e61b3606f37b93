// Methods of Python's own types that templates may call.
#pragma once

#include <span>

#include "text/jinja/value.h"

namespace tidemill::jinja {

using MethodBody = Value (*)(Runtime& runtime, const Value& self, const Arguments& arguments);

struct Method {
  std::string_view name;
  MethodBody body;       // nullptr: Python has it, but it is not offered here
  bool changes = false;  // it would change its value, which the sandbox forbids
};

// Sorted by name.
std::span<const Method> string_search_methods();
std::span<const Method> string_shape_methods();
std::span<const Method> list_methods();
std::span<const Method> tuple_methods();
std::span<const Method> dict_methods();

// The method of that name; nullptr when Python's type has none.
const Method* find_method(const Value& value, std::string_view name);

// A method with its value, ready to be called.
class BoundMethod : public Object {
 public:
  BoundMethod(const Method& method, Value self) : method_(method), self_(std::move(self)) {}

  std::string type_name() const override { return "builtin_function_or_method"; }
  std::string repr(Runtime& runtime) const override;
  bool callable() const override { return true; }
  Value call(Runtime& runtime, const Arguments& arguments) override;
  int depth() const override { return self_.depth() + 1; }

 private:
  const Method& method_;
  Value self_;
};

}  // namespace tidemill::jinja
