// Python's operators on values.  All throw Failure(value) with Python's words where Python raises TypeError or
// ValueError, and charge what they do to the runtime.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "text/jinja/value.h"

namespace tidemill::jinja {

bool truth(Runtime& runtime, const Value& value);
// Throws Failure(value) with the reason when the value is undefined.
void require_defined(const Value& value);

// a == b; never fails but for its cost.
bool equal(Runtime& runtime, const Value& a, const Value& b);
// a is b or a == b: how lists compare items, so that a NaN is in its list.
bool same_or_equal(Runtime& runtime, const Value& a, const Value& b);
// a < b and a <= b.
bool less(Runtime& runtime, const Value& a, const Value& b);
bool less_or_equal(Runtime& runtime, const Value& a, const Value& b);
// item in container.
bool contains(Runtime& runtime, const Value& container, const Value& item);

enum class Arithmetic { add, subtract, multiply, divide, floor_divide, modulo, power };
Value arithmetic(Runtime& runtime, Arithmetic operation, const Value& a, const Value& b);
Value negate(const Value& value);
Value plus(const Value& value);

// len(value); nothing when it has none.
std::optional<int64_t> length(Runtime& runtime, const Value& value);
int64_t require_length(Runtime& runtime, const Value& value);

// iter(value); nullptr when it cannot be iterated.
std::unique_ptr<Iterator> try_iterate(Runtime& runtime, const Value& value);
std::unique_ptr<Iterator> iterate(Runtime& runtime, const Value& value);
// list(value).
std::vector<Value> collect(Runtime& runtime, const Value& value);

// value[start:stop:step]; None stands for a bound that is not given.
Value slice(Runtime& runtime, const Value& value, const Value& start, const Value& stop, const Value& step);

// str(value) and repr(value).
std::string to_text(Runtime& runtime, const Value& value);
void append_text(Text& out, Runtime& runtime, const Value& value);
std::string to_repr(Runtime& runtime, const Value& value);
void append_repr(Text& out, Runtime& runtime, const Value& value);

// str.escape of markupsafe: & < > ' " as entities; marked strings stay.
std::string escape_html(Runtime& runtime, const Value& value);

}  // namespace tidemill::jinja
