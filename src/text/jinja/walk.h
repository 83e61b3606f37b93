// Ways through the tree of a template.
#pragma once

#include <set>
#include <string>
#include <type_traits>

#include "text/jinja/ast.h"

namespace tidemill::jinja {

// The node as a T, const when it is.
template <typename T, typename Node>
auto& as(Node& node) {
  return static_cast<std::conditional_t<std::is_const_v<Node>, const T, T>&>(node);
}

// Calls `visit` for the expressions in a link, in the order of the source.
template <typename AnyLink, typename Visit>
void for_each_part(AnyLink& link, const Visit& visit) {
  for (auto* part : {&link.key, &link.start, &link.stop, &link.step})
    if (*part) visit(**part);
  for (auto& argument : link.arguments.positional) visit(*argument);
  for (auto& argument : link.arguments.named) visit(*argument.second);
  if (link.arguments.all_positional) visit(*link.arguments.all_positional);
  if (link.arguments.all_named) visit(*link.arguments.all_named);
}

// Calls `visit` for every expression directly inside `root`, in the order of the source.  Node is Expression or const
// Expression.
template <typename Node, typename Visit>
void for_each_child(Node& root, const Visit& visit) {
  switch (root.kind) {
    case ExpressionKind::literal:
    case ExpressionKind::name:
      return;
    case ExpressionKind::list:
    case ExpressionKind::tuple:
    case ExpressionKind::concat:
      for (auto& item : as<SequenceExpression>(root).items) visit(*item);
      return;
    case ExpressionKind::dict:
      for (auto& entry : as<DictExpression>(root).entries) {
        visit(*entry.first);
        visit(*entry.second);
      }
      return;
    case ExpressionKind::postfix:
      if (as<PostfixExpression>(root).first) visit(*as<PostfixExpression>(root).first);
      for (auto& link : as<PostfixExpression>(root).links) for_each_part(link, visit);
      return;
    case ExpressionKind::unary:
      return visit(*as<UnaryExpression>(root).operand);
    case ExpressionKind::arithmetic:
      visit(*as<ArithmeticExpression>(root).first);
      for (auto& term : as<ArithmeticExpression>(root).rest) visit(*term.second);
      return;
    case ExpressionKind::comparison:
      visit(*as<ComparisonExpression>(root).first);
      for (auto& term : as<ComparisonExpression>(root).rest) visit(*term.second);
      return;
    case ExpressionKind::logic:
      for (auto& operand : as<LogicExpression>(root).operands) visit(*operand);
      return;
    case ExpressionKind::conditional:
      visit(*as<ConditionalExpression>(root).test);
      visit(*as<ConditionalExpression>(root).then);
      if (as<ConditionalExpression>(root).otherwise) visit(*as<ConditionalExpression>(root).otherwise);
      return;
  }
}

// Every name in an expression.
template <typename Visit>
void for_each_name_node(Expression& root, const Visit& visit) {
  if (root.kind == ExpressionKind::name) return visit(static_cast<NameExpression&>(root));
  for_each_child(root, [&](Expression& child) { for_each_name_node(child, visit); });
}

template <typename Visit>
void for_each_name(const Expression& root, const Visit& visit) {
  if (root.kind == ExpressionKind::name) return visit(static_cast<const NameExpression&>(root).name);
  for_each_child(root, [&](const Expression& child) { for_each_name(child, visit); });
}

// Which of `names` the statements read, at any depth, before they set them; in the order of the source.
std::set<std::string> names_used_before_set(const Block& block, std::set<std::string> names);

}  // namespace tidemill::jinja
