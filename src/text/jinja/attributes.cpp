#include "text/jinja/attributes.h"

#include "text/jinja/methods.h"
#include "text/jinja/operators.h"

namespace tidemill::jinja {
namespace {

Value unsafe(const Value& value, std::string_view name) {
  return Value::undefined(
      {.name = {},
       .owner = {},
       .why = "access to attribute '" + std::string(name) + "' of '" + value.type_name() + "' object is unsafe."});
}

Value absent(Runtime& runtime, const Value& value, const Value& key) {
  if (key.is_string()) return Value::undefined({std::string(key.text()), value.type_name(), {}});
  return Value::undefined({{}, {}, value.type_name() + " object has no element " + to_repr(runtime, key)});
}

std::optional<Value> number_attribute(const Value& value, std::string_view name) {
  if (name == "real") return plus(value);
  if (name == "imag") return value.is_float() ? Value(0.0) : Value(0);
  if (value.is_float()) return std::nullopt;
  if (name == "numerator") return plus(value);
  if (name == "denominator") return Value(1);
  return std::nullopt;
}

std::optional<Value> list_item(const Value& list, const Value& key) {
  if (!key.is_integral()) return std::nullopt;
  const auto size = static_cast<int64_t>(list.items().size());
  const int64_t index = key.as_int() < 0 ? key.as_int() + size : key.as_int();
  if (index < 0 || index >= size) return std::nullopt;
  return list.items()[static_cast<size_t>(index)];
}

std::optional<Value> character(Runtime& runtime, const Value& text, const Value& key) {
  if (!key.is_integral()) return std::nullopt;
  const auto size = static_cast<int64_t>(text.string().length());
  const int64_t index = key.as_int() < 0 ? key.as_int() + size : key.as_int();
  if (index < 0 || index >= size) return std::nullopt;
  return slice(runtime, text, index, index + 1, None());
}

std::optional<Value> find_item(Runtime& runtime, const Value& value, const Value& key) {
  if (value.is_sequence()) return list_item(value, key);
  if (value.is_string()) return character(runtime, value, key);
  if (value.is_object()) return value.object().item(runtime, key);
  if (!value.is_dict() || key.is_list() || key.is_dict()) return std::nullopt;
  check_key(runtime, key);
  const Value* found = value.dict().find(key);
  return found ? std::optional<Value>(*found) : std::nullopt;
}

}  // namespace

std::optional<Value> find_attribute(Runtime& runtime, const Value& value, std::string_view name) {
  if (name.starts_with("__") && name.ends_with("__")) return unsafe(value, name);  // every Python object has such
  if (value.is_object()) {
    auto found = value.object().attribute(runtime, name, value.object_ref());
    return found && name.starts_with("_") ? unsafe(value, name) : found;
  }
  if (value.is_number()) return number_attribute(value, name);
  if (value.is_sequence() && value.list().kind == ListKind::group) {
    if (name == "grouper") return value.items()[0];
    if (name == "list") return value.items()[1];
  }
  const Method* method = find_method(value, name);
  if (method == nullptr) return std::nullopt;
  if (method->changes) return unsafe(value, name);
  return ObjectRef(std::make_shared<BoundMethod>(*method, value));
}

Value get_attribute(Runtime& runtime, const Value& value, std::string_view name) {
  require_defined(value);
  if (auto found = find_attribute(runtime, value, name)) return std::move(*found);
  if (value.is_dict()) {
    runtime.spend_bytes(name.size());
    if (const Value* item = value.dict().find(name)) return *item;
  }
  return Value::undefined({std::string(name), value.type_name(), {}});
}

Value get_item(Runtime& runtime, const Value& value, const Value& key) {
  require_defined(value);
  if (auto found = find_item(runtime, value, key)) return std::move(*found);
  if (key.is_string())
    if (auto found = find_attribute(runtime, value, key.text())) return std::move(*found);
  return absent(runtime, value, key);
}

Value call_value(Runtime& runtime, const Value& callee, const Arguments& arguments) {
  runtime.step();
  require_defined(callee);
  if (!callee.is_object()) fail_value(std::string("'") + callee.type_name() + "' object is not callable");
  return callee.object().call(runtime, arguments);
}

}  // namespace tidemill::jinja
