// Macros and {% call %} blocks.

#include <algorithm>

#include "text/jinja/interpreter.h"
#include "text/jinja/operators.h"

namespace tidemill::jinja {
namespace {

// Takes a named argument out; a missing value when it is not there.
Value take_named(std::vector<std::pair<std::string, Value>>& named, std::string_view name) {
  const auto found = std::find_if(named.begin(), named.end(), [&](const auto& entry) { return entry.first == name; });
  if (found == named.end()) return {};
  Value value = std::move(found->second);
  named.erase(found);
  return value;
}

}  // namespace

std::string Macro::repr(Runtime&) const {
  return statement_.name.empty() ? "<Macro anonymous>" : "<Macro '" + statement_.name + "'>";
}

std::optional<Value> Macro::attribute(Runtime& runtime, std::string_view name, const ObjectRef&) {
  if (name == "name") return statement_.name.empty() ? Value(None()) : make_string(runtime, statement_.name);
  if (name == "catch_kwargs") return statement_.kwargs_slot >= 0;
  if (name == "catch_varargs") return statement_.varargs_slot >= 0;
  if (name == "caller") return statement_.caller_slot >= 0;
  if (name != "arguments") return std::nullopt;
  std::vector<Value> names;
  for (const auto& parameter : statement_.parameters) names.push_back(make_string(runtime, parameter.name));
  return make_tuple(runtime, std::move(names));
}

void Interpreter::define_macro(const MacroStatement& node, const FrameRef& frame) {
  variable(node.variable, *frame) = ObjectRef(std::make_shared<Macro>(*this, node, frame));
}

void Interpreter::execute_call_block(const CallBlockStatement& node, const FrameRef& frame, Text& out) {
  const Value caller = ObjectRef(std::make_shared<Macro>(*this, node.caller, frame));
  append_block(out, evaluate_postfix(*node.call, frame, nullptr, &caller));
}

Value Interpreter::call_macro(const MacroStatement& macro, const FrameRef& enclosing, const Arguments& arguments) {
  Text out(runtime_);
  in_new_frame(enclosing, macro.n_slots, macro.has_closures, [&](const FrameRef& frame) {
    bind_arguments(macro, *frame, arguments);
    enter(macro.scope, *frame);
    use_fallbacks(macro, frame);
    execute(macro.body, frame, out);
  });
  return make_string(runtime_, out);
}

void Interpreter::use_fallbacks(const MacroStatement& macro, const FrameRef& frame) {
  for (const auto& parameter : macro.parameters) {
    const auto slot = static_cast<size_t>(parameter.slot);
    if (!frame->slots[slot].is_missing()) continue;
    frame->slots[slot] =
        parameter.fallback
            ? evaluate(*parameter.fallback, frame)
            : Value::undefined({parameter.name, {}, "parameter '" + parameter.name + "' was not provided"});
  }
}

void Interpreter::bind_arguments(const MacroStatement& macro, Frame& frame, const Arguments& arguments) {
  const size_t n_parameters = macro.parameters.size();
  const size_t n_given = std::min(arguments.positional.size(), n_parameters);
  auto named = arguments.named;
  bool has_caller = false;
  for (size_t k = 0; k < n_parameters; ++k) {
    const auto& parameter = macro.parameters[k];
    Value& slot = frame.slots[static_cast<size_t>(parameter.slot)];
    slot = k < n_given ? arguments.positional[k] : take_named(named, parameter.name);
    has_caller = has_caller || parameter.name == "caller";
  }
  bind_special(macro, frame, arguments, std::move(named), has_caller);
}

void Interpreter::bind_special(const MacroStatement& macro, Frame& frame, const Arguments& arguments,
                               std::vector<std::pair<std::string, Value>> named, bool has_caller) {
  const std::string name = macro.name.empty() ? "None" : "'" + macro.name + "'";
  if (macro.caller_slot >= 0 && !has_caller) {
    Value caller = take_named(named, "caller");
    if (caller.is_missing() || caller.is_none()) caller = Value::undefined({"caller", {}, "No caller defined"});
    frame.slots[static_cast<size_t>(macro.caller_slot)] = std::move(caller);
  }
  if (macro.kwargs_slot >= 0) {
    std::vector<Dict::Entry> entries;
    for (auto& [key, value] : named) entries.emplace_back(make_string(runtime_, key), std::move(value));
    frame.slots[static_cast<size_t>(macro.kwargs_slot)] = make_dict(runtime_, std::move(entries));
  } else if (!named.empty()) {
    fail_value("macro " + name + " takes no keyword argument '" + named.front().first + "'");
  }
  const size_t n_parameters = macro.parameters.size();
  if (macro.varargs_slot >= 0) {
    const auto first =
        arguments.positional.begin() + static_cast<std::ptrdiff_t>(std::min(n_parameters, arguments.positional.size()));
    frame.slots[static_cast<size_t>(macro.varargs_slot)] =
        make_tuple(runtime_, std::vector<Value>(first, arguments.positional.end()));
  } else if (arguments.positional.size() > n_parameters) {
    fail_value("macro " + name + " takes not more than " + std::to_string(n_parameters) + " argument(s)");
  }
}

// Macros inside of a macro or a recursive loop refer to its variables and are among them: a circle that is cut here, or
// at the end of the rendering for a macro that got out through a namespace.
void Interpreter::release(bool has_closures, FrameRef frame) {
  if (!has_closures || frame.use_count() == 1) return;
  long n_inside = 0;
  for (const Value& slot : frame->slots) {
    const auto* inner = slot.object_as<Macro>();
    if (inner != nullptr && inner->enclosing() == frame && slot.use_count() == 1) ++n_inside;
  }
  if (frame.use_count() == 1 + n_inside)
    frame->clear();
  else
    runtime_.keep(std::move(frame));
}

}  // namespace tidemill::jinja
