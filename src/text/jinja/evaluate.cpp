// Expressions.

#include "text/jinja/attributes.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/operators.h"

namespace tidemill::jinja {

Value Interpreter::evaluate(const Expression& expression, const FrameRef& frame) {
  runtime_.spend(1);
  runtime_.line = expression.line;
  const DepthGuard guard(runtime_.evaluation_depth, kMaxEvaluationDepth, "expressions and blocks");
  switch (expression.kind) {
    case ExpressionKind::literal:
      return static_cast<const LiteralExpression&>(expression).value;
    case ExpressionKind::name: {
      const auto& node = static_cast<const NameExpression&>(expression);
      const Value& value = variable(node.variable, *frame);
      return value.is_missing() ? Value::undefined({node.name, {}, {}}) : value;
    }
    case ExpressionKind::list:
    case ExpressionKind::tuple:
    case ExpressionKind::concat:
      return evaluate_sequence(static_cast<const SequenceExpression&>(expression), frame);
    case ExpressionKind::dict:
      return evaluate_dict(static_cast<const DictExpression&>(expression), frame);
    case ExpressionKind::postfix:
      return evaluate_postfix(static_cast<const PostfixExpression&>(expression), frame, nullptr, nullptr);
    case ExpressionKind::unary:
      return evaluate_unary(static_cast<const UnaryExpression&>(expression), frame);
    case ExpressionKind::arithmetic:
      return evaluate_arithmetic(static_cast<const ArithmeticExpression&>(expression), frame);
    case ExpressionKind::comparison:
      return evaluate_comparison(static_cast<const ComparisonExpression&>(expression), frame);
    case ExpressionKind::logic:
      return evaluate_logic(static_cast<const LogicExpression&>(expression), frame);
    case ExpressionKind::conditional:
      return evaluate_conditional(static_cast<const ConditionalExpression&>(expression), frame);
  }
  return {};
}

Value Interpreter::evaluate_sequence(const SequenceExpression& node, const FrameRef& frame) {
  std::vector<Value> items;
  items.reserve(node.items.size());
  for (const auto& item : node.items) items.push_back(evaluate(*item, frame));
  if (node.kind == ExpressionKind::list) return make_list(runtime_, std::move(items));
  if (node.kind == ExpressionKind::tuple) return make_tuple(runtime_, std::move(items));
  size_t n_bytes = 0;
  for (const Value& item : items) n_bytes += item.is_string() ? item.text().size() : 0;
  Text text(runtime_);
  text.expect(n_bytes);
  for (const Value& item : items) append_text(text, runtime_, item);
  return make_string(runtime_, text);
}

Value Interpreter::evaluate_dict(const DictExpression& node, const FrameRef& frame) {
  std::vector<Dict::Entry> entries;
  entries.reserve(node.entries.size());
  for (const auto& [key, value] : node.entries) {
    Value key_value = evaluate(*key, frame);
    entries.emplace_back(std::move(key_value), evaluate(*value, frame));
  }
  return make_dict(runtime_, std::move(entries));
}

Value Interpreter::evaluate_postfix(const PostfixExpression& node, const FrameRef& frame, const Value* first,
                                    const Value* caller) {
  Value value = first ? *first : evaluate(*node.first, frame);
  for (const Link& link : node.links) value = apply(link, value, frame, &link == &node.links.back() ? caller : nullptr);
  return value;
}

Value Interpreter::apply(const Link& link, const Value& value, const FrameRef& frame, const Value* caller) {
  runtime_.spend(1);
  runtime_.line = link.line;
  switch (link.kind) {
    case Link::Kind::attribute:
      return get_attribute(runtime_, value, link.name);
    case Link::Kind::item:
      return get_item(runtime_, value, evaluate(*link.key, frame));
    case Link::Kind::slice: {
      const Value start = maybe(link.start, frame), stop = maybe(link.stop, frame);
      return slice(runtime_, value, start, stop, maybe(link.step, frame));
    }
    case Link::Kind::call: {
      Arguments arguments = evaluate_arguments(link.arguments, frame);
      if (caller != nullptr) arguments.named.emplace_back("caller", *caller);
      runtime_.line = link.line;
      return call_value(runtime_, value, arguments);
    }
    case Link::Kind::filter:
      return apply_filter(runtime_, link.filter, link.name, value, evaluate_arguments(link.arguments, frame));
    case Link::Kind::test:
      return link.negated !=
             apply_test(runtime_, link.test, link.name, value, evaluate_arguments(link.arguments, frame));
  }
  return {};
}

Value Interpreter::maybe(const ExpressionPtr& expression, const FrameRef& frame) {
  return expression ? evaluate(*expression, frame) : Value(None());
}

Arguments Interpreter::evaluate_arguments(const CallArguments& arguments, const FrameRef& frame) {
  Arguments values;
  for (const auto& argument : arguments.positional) values.positional.push_back(evaluate(*argument, frame));
  for (const auto& [name, argument] : arguments.named) values.named.emplace_back(name, evaluate(*argument, frame));
  if (arguments.all_positional) {
    for (Value& value : collect(runtime_, evaluate(*arguments.all_positional, frame)))
      values.positional.push_back(std::move(value));
  }
  if (arguments.all_named) {
    const Value all = evaluate(*arguments.all_named, frame);
    if (!all.is_dict()) fail_value("argument after ** must be a mapping, not " + all.type_name());
    for (const auto& [key, value] : all.dict().entries()) {
      if (!key.is_string()) fail_value("keywords must be strings");
      for (const auto& named : values.named)
        if (named.first == key.text()) fail_value("got multiple values for keyword argument '" + named.first + "'");
      runtime_.spend(1 + static_cast<int64_t>(values.named.size()));
      values.named.emplace_back(key.text(), value);
    }
  }
  return values;
}

Value Interpreter::evaluate_unary(const UnaryExpression& node, const FrameRef& frame) {
  const Value value = evaluate(*node.operand, frame);
  if (node.operation == UnaryOperator::logical_not) return !truth(runtime_, value);
  return node.operation == UnaryOperator::negate ? negate(value) : plus(value);
}

Value Interpreter::evaluate_arithmetic(const ArithmeticExpression& node, const FrameRef& frame) {
  Value value = evaluate(*node.first, frame);
  for (const auto& [operation, operand] : node.rest)
    value = arithmetic(runtime_, operation, value, evaluate(*operand, frame));
  return value;
}

bool Interpreter::relate(Relation relation, const Value& a, const Value& b) {
  switch (relation) {
    case Relation::equal:
      return equal(runtime_, a, b);
    case Relation::unequal:
      return !equal(runtime_, a, b);
    case Relation::less:
      return less(runtime_, a, b);
    case Relation::less_or_equal:
      return less_or_equal(runtime_, a, b);
    case Relation::greater:
      return less(runtime_, b, a);
    case Relation::greater_or_equal:
      return less_or_equal(runtime_, b, a);
    case Relation::in:
      return contains(runtime_, b, a);
    case Relation::not_in:
      return !contains(runtime_, b, a);
  }
  return false;
}

Value Interpreter::evaluate_comparison(const ComparisonExpression& node, const FrameRef& frame) {
  Value left = evaluate(*node.first, frame);
  for (const auto& [relation, operand] : node.rest) {
    Value right = evaluate(*operand, frame);
    if (!relate(relation, left, right)) return false;
    left = std::move(right);
  }
  return true;
}

Value Interpreter::evaluate_logic(const LogicExpression& node, const FrameRef& frame) {
  Value value;
  for (const auto& operand : node.operands) {
    value = evaluate(*operand, frame);
    if (&operand != &node.operands.back() && truth(runtime_, value) != node.is_and) break;
  }
  return value;
}

Value Interpreter::evaluate_conditional(const ConditionalExpression& node, const FrameRef& frame) {
  if (truth(runtime_, evaluate(*node.test, frame))) return evaluate(*node.then, frame);
  if (node.otherwise) return evaluate(*node.otherwise, frame);
  return Value::undefined({{},
                           {},
                           "the inline if-expression on line " + std::to_string(node.line) +
                               " evaluated to false and no else section was defined."});
}

}  // namespace tidemill::jinja
