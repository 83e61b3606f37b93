// Statements.

#include "text/jinja/globals.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/loop.h"
#include "text/jinja/namespace.h"
#include "text/jinja/objects.h"
#include "text/jinja/operators.h"

namespace tidemill::jinja {
namespace {

std::vector<Value> unpack(Runtime& runtime, const Value& value, size_t n_targets) {
  if (try_iterate(runtime, value) == nullptr) fail_value("cannot unpack non-iterable " + value.type_name() + " object");
  const auto source = iterate(runtime, value);
  std::vector<Value> items;
  for (Value item; source->next(item);) {
    if (items.size() == n_targets) fail_value("too many values to unpack (expected " + std::to_string(n_targets) + ")");
    items.push_back(std::move(item));
  }
  if (items.size() < n_targets)
    fail_value("not enough values to unpack (expected " + std::to_string(n_targets) + ", got " +
               std::to_string(items.size()) + ")");
  return items;
}

}  // namespace

std::string Interpreter::render() {
  const auto frame = std::make_shared<Frame>(runtime_, template_.n_slots, nullptr);
  runtime_.keep(frame);
  enter(template_.scope, *frame);
  Text out(runtime_);
  execute(template_.body, frame, out);
  return out.take();
}

Value& Interpreter::variable(const Variable& place, Frame& frame) const {
  Frame* owner = &frame;
  for (int hop = 0; hop < place.hops; ++hop) owner = owner->enclosing.get();
  return owner->slots[static_cast<size_t>(place.slot)];
}

Value Interpreter::look_up(const std::string& name) const {
  if (const Value* given = variables_.find(std::string_view(name))) return *given;
  return find_global(name).value_or(Value());
}

void Interpreter::enter(const Scope& scope, Frame& frame) {
  for (const Scope::Entry& entry : scope.entries) {
    Value& slot = frame.slots[static_cast<size_t>(entry.slot)];
    switch (entry.load) {
      case Scope::Load::parameter:
        break;
      case Scope::Load::resolve:
        runtime_.spend(1);
        slot = look_up(entry.name);
        break;
      case Scope::Load::alias:
        slot = variable(entry.source, frame);
        break;
      case Scope::Load::undefined:
        slot = Value();
        break;
    }
  }
  runtime_.spend(static_cast<int64_t>(scope.entries.size()));
}

void Interpreter::leave(const Scope& scope, Frame& frame) {
  for (const Scope::Entry& entry : scope.entries) frame.slots[static_cast<size_t>(entry.slot)] = Value();
}

void Interpreter::assign(const Target& target, Value value, Frame& frame) {
  if (target.kind == Target::Kind::tuple) {
    std::vector<Value> items = unpack(runtime_, value, target.items.size());
    for (size_t k = 0; k < items.size(); ++k) assign(target.items[k], std::move(items[k]), frame);
    return;
  }
  Value& place = variable(target.variable, frame);
  if (target.kind == Target::Kind::name) {
    place = std::move(value);
    return;
  }
  auto* object = place.object_as<Namespace>();
  if (object == nullptr) fail_value("cannot assign attribute on non-namespace object");
  object->set(runtime_, target.attribute, std::move(value));
}

Value Interpreter::value_of(const Target& target, Frame& frame) {
  if (target.kind != Target::Kind::tuple) return variable(target.variable, frame);
  std::vector<Value> items;
  for (const Target& item : target.items) items.push_back(value_of(item, frame));
  return make_tuple(runtime_, std::move(items));
}

Interpreter::Flow Interpreter::execute(const Block& block, const FrameRef& frame, Text& out) {
  const DepthGuard guard(runtime_.evaluation_depth, kMaxEvaluationDepth, "expressions and blocks");
  for (const auto& statement : block)
    if (const Flow flow = execute(*statement, frame, out); flow != Flow::next) return flow;
  return Flow::next;
}

Interpreter::Flow Interpreter::execute(const Statement& statement, const FrameRef& frame, Text& out) {
  runtime_.step();
  runtime_.line = statement.line;
  switch (statement.kind) {
    case StatementKind::text:
      out.append(static_cast<const TextStatement&>(statement).text);
      return Flow::next;
    case StatementKind::print:
      append_text(out, runtime_, evaluate(*static_cast<const PrintStatement&>(statement).value, frame));
      return Flow::next;
    case StatementKind::assign: {
      const auto& node = static_cast<const AssignStatement&>(statement);
      assign(node.target, evaluate(*node.value, frame), *frame);
      return Flow::next;
    }
    case StatementKind::assign_block:
      return execute_assign_block(static_cast<const AssignBlockStatement&>(statement), frame);
    case StatementKind::if_branches:
      return execute_if(static_cast<const IfStatement&>(statement), frame, out);
    case StatementKind::for_loop:
      return execute_for(static_cast<const ForStatement&>(statement), frame, out);
    case StatementKind::macro:
      define_macro(static_cast<const MacroStatement&>(statement), frame);
      return Flow::next;
    case StatementKind::call_block:
      execute_call_block(static_cast<const CallBlockStatement&>(statement), frame, out);
      return Flow::next;
    case StatementKind::filter_block:
      return execute_filter_block(static_cast<const FilterBlockStatement&>(statement), frame, out);
    case StatementKind::with_block:
      return execute_with(static_cast<const WithStatement&>(statement), frame, out);
    case StatementKind::scope_block:
      return execute_scope(static_cast<const ScopeStatement&>(statement), frame, out);
    case StatementKind::break_loop:
      return Flow::break_loop;
    case StatementKind::continue_loop:
      return Flow::continue_loop;
  }
  return Flow::next;
}

Interpreter::Flow Interpreter::execute_if(const IfStatement& node, const FrameRef& frame, Text& out) {
  for (const auto& [test, body] : node.branches)
    if (truth(runtime_, evaluate(*test, frame))) return execute(body, frame, out);
  return execute(node.otherwise, frame, out);
}

std::unique_ptr<Iterator> Interpreter::filtered(const ForStatement& node, const FrameRef& frame,
                                                const Value& iterable) {
  std::shared_ptr<Iterator> source = iterate(runtime_, iterable);
  enter(node.condition_scope, *frame);
  const Value generator = make_generator(
      runtime_,
      [this, &node, frame, source](Value& item) {
        while (source->next(item)) {
          runtime_.step();
          assign(node.condition_target, item, *frame);
          item = value_of(node.condition_target, *frame);
          if (truth(runtime_, evaluate(*node.condition, frame))) return true;
        }
        leave(node.condition_scope, *frame);
        return false;
      },
      iterable.depth());
  return iterate(runtime_, generator);
}

bool Interpreter::run_loop(const ForStatement& node, const Value& iterable, const FrameRef& frame, Text& out,
                           const Recursion& recursion) {
  std::unique_ptr<Iterator> items = node.condition ? filtered(node, frame, iterable) : iterate(runtime_, iterable);
  const std::optional<int64_t> size = node.condition ? std::nullopt : length(runtime_, iterable);
  Loop::Recurse recurse;
  if (recursion.enclosing != nullptr)
    recurse = [this, &node, enclosing = recursion.enclosing](const Value& other, int n_around) {
      return call_loop(node, enclosing, other, n_around);
    };
  const auto loop = std::make_shared<Loop>(runtime_, std::move(items), size, iterable.depth(), std::move(recurse),
                                           recursion.n_around);
  // What the loop remembers may refer to the loop: it is emptied however this ends.
  const std::unique_ptr<Loop, void (*)(Loop*)> finisher(loop.get(), [](Loop* done) { done->finish(); });
  bool completed_once = false;
  Flow flow = Flow::next;
  for (Value item; flow != Flow::break_loop && loop->next(item);) {
    runtime_.step();
    assign(node.target, item, *frame);
    frame->slots[static_cast<size_t>(node.loop_slot)] = ObjectRef(loop);
    enter(node.body_scope, *frame);
    flow = execute(node.body, frame, out);
    completed_once = completed_once || flow == Flow::next;
  }
  return completed_once;
}

Interpreter::Flow Interpreter::execute_loop(const ForStatement& node, const Value& iterable, const FrameRef& frame,
                                            Text& out, const Recursion& recursion) {
  const bool completed_once = run_loop(node, iterable, frame, out, recursion);
  leave(node.body_scope, *frame);
  // As in Jinja, a loop that was left or taken up again each time counts as one without items.
  if (completed_once || node.otherwise.empty()) return Flow::next;
  enter(node.otherwise_scope, *frame);
  const Flow flow = execute(node.otherwise, frame, out);
  leave(node.otherwise_scope, *frame);
  return flow;
}

Interpreter::Flow Interpreter::execute_for(const ForStatement& node, const FrameRef& frame, Text& out) {
  const Value iterable = evaluate(*node.iterable, frame);
  if (!node.recursive) return execute_loop(node, iterable, frame, out, {});
  out.append(call_loop(node, frame, iterable, 0).text());
  return Flow::next;
}

Value Interpreter::call_loop(const ForStatement& node, const FrameRef& enclosing, const Value& iterable, int n_around) {
  Text out(runtime_);
  in_new_frame(enclosing, node.n_slots, node.has_closures,
               [&](const FrameRef& frame) { execute_loop(node, iterable, frame, out, {enclosing, n_around}); });
  return make_string(runtime_, out);
}

Interpreter::Flow Interpreter::execute_assign_block(const AssignBlockStatement& node, const FrameRef& frame) {
  enter(node.scope, *frame);
  Text text(runtime_);
  if (const Flow flow = execute(node.body, frame, text); flow != Flow::next) return flow;
  Value value = make_string(runtime_, text);
  if (node.filter) value = evaluate_postfix(*node.filter, frame, &value, nullptr);
  assign(node.target, std::move(value), *frame);
  leave(node.scope, *frame);
  return Flow::next;
}

void Interpreter::append_block(Text& out, const Value& value) {
  if (!value.is_string()) fail_value("expected str instance, " + value.type_name() + " found");
  out.append(value.text());
}

Interpreter::Flow Interpreter::execute_filter_block(const FilterBlockStatement& node, const FrameRef& frame,
                                                    Text& out) {
  enter(node.scope, *frame);
  Text text(runtime_);
  if (const Flow flow = execute(node.body, frame, text); flow != Flow::next) return flow;
  const Value value = make_string(runtime_, text);
  append_block(out, evaluate_postfix(*node.filter, frame, &value, nullptr));
  leave(node.scope, *frame);
  return Flow::next;
}

Interpreter::Flow Interpreter::execute_with(const WithStatement& node, const FrameRef& frame, Text& out) {
  enter(node.scope, *frame);
  for (const auto& [target, value] : node.assignments) assign(target, evaluate(*value, frame), *frame);
  const Flow flow = execute(node.body, frame, out);
  leave(node.scope, *frame);
  return flow;
}

Interpreter::Flow Interpreter::execute_scope(const ScopeStatement& node, const FrameRef& frame, Text& out) {
  enter(node.scope, *frame);
  const Flow flow = execute(node.body, frame, out);
  leave(node.scope, *frame);
  return flow;
}

}  // namespace tidemill::jinja
