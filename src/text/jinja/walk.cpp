#include "text/jinja/walk.h"

namespace tidemill::jinja {
namespace {

class UseFinder {
 public:
  explicit UseFinder(std::set<std::string> names) : names_(std::move(names)) {}

  void block(const Block& statements) {
    for (const auto& statement : statements) visit(*statement);
  }

  std::set<std::string> used;

 private:
  void expression(const Expression* root) {
    if (root == nullptr) return;
    for_each_name(*root, [&](const std::string& name) {
      if (names_.count(name) != 0) used.insert(name);
    });
  }

  void set(const std::string& name) { names_.erase(name); }

  void target(const Target& target) {
    if (target.kind == Target::Kind::name) set(target.name);
    for (const Target& item : target.items) this->target(item);
  }

  void macro(const MacroStatement& node) {
    for (const auto& parameter : node.parameters) set(parameter.name);
    for (const auto& parameter : node.parameters) expression(parameter.fallback.get());
    block(node.body);
  }

  void visit(const Statement& statement) {
    switch (statement.kind) {
      case StatementKind::print:
        return expression(static_cast<const PrintStatement&>(statement).value.get());
      case StatementKind::assign: {
        const auto& node = static_cast<const AssignStatement&>(statement);
        target(node.target);
        return expression(node.value.get());
      }
      case StatementKind::assign_block: {
        const auto& node = static_cast<const AssignBlockStatement&>(statement);
        target(node.target);
        expression(node.filter.get());
        return block(node.body);
      }
      case StatementKind::if_branches: {
        const auto& node = static_cast<const IfStatement&>(statement);
        for (const auto& [test, body] : node.branches) {
          expression(test.get());
          block(body);
        }
        return block(node.otherwise);
      }
      case StatementKind::for_loop: {
        const auto& node = static_cast<const ForStatement&>(statement);
        target(node.target);
        expression(node.iterable.get());
        block(node.body);
        block(node.otherwise);
        return expression(node.condition.get());
      }
      case StatementKind::macro:
        return macro(static_cast<const MacroStatement&>(statement));
      case StatementKind::call_block: {
        const auto& node = static_cast<const CallBlockStatement&>(statement);
        expression(node.call.get());
        return macro(node.caller);
      }
      case StatementKind::filter_block: {
        const auto& node = static_cast<const FilterBlockStatement&>(statement);
        block(node.body);
        return expression(node.filter.get());
      }
      case StatementKind::with_block: {
        const auto& node = static_cast<const WithStatement&>(statement);
        for (const auto& assignment : node.assignments) target(assignment.first);
        for (const auto& assignment : node.assignments) expression(assignment.second.get());
        return block(node.body);
      }
      case StatementKind::scope_block:
        return block(static_cast<const ScopeStatement&>(statement).body);
      default:
        return;
    }
  }

  std::set<std::string> names_;
};

}  // namespace

std::set<std::string> names_used_before_set(const Block& block, std::set<std::string> names) {
  UseFinder finder(std::move(names));
  finder.block(block);
  return std::move(finder.used);
}

}  // namespace tidemill::jinja
