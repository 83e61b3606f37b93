#include "text/jinja/scopes.h"

#include "text/jinja/symbols.h"
#include "text/jinja/walk.h"

namespace tidemill::jinja {
namespace {

// First look at a scope: which names it loads and stores, without the scopes inside it.
class NameCollector {
 public:
  explicit NameCollector(Symbols& symbols) : symbols_(symbols) {}

  void block(const Block& statements) {
    for (const auto& statement : statements) visit(*statement);
  }

  void expression(const Expression* root) {
    if (root != nullptr) for_each_name(*root, [&](const std::string& name) { symbols_.load(name); });
  }

  void target(const Target& target) {
    if (target.kind == Target::Kind::tuple)
      for (const Target& item : target.items) this->target(item);
    else if (target.kind == Target::Kind::attribute)
      symbols_.load(target.name);
    else
      symbols_.store(target.name);
  }

  void parameter_target(const Target& target) {
    for (const Target& item : target.items) parameter_target(item);
    if (target.kind == Target::Kind::name) symbols_.declare_parameter(target.name);
  }

 private:
  void visit(const Statement& statement) {
    switch (statement.kind) {
      case StatementKind::print:
        return expression(static_cast<const PrintStatement&>(statement).value.get());
      case StatementKind::assign: {
        const auto& node = static_cast<const AssignStatement&>(statement);
        expression(node.value.get());
        return target(node.target);
      }
      case StatementKind::assign_block:
        return target(static_cast<const AssignBlockStatement&>(statement).target);
      case StatementKind::if_branches:
        return visit_if(static_cast<const IfStatement&>(statement));
      case StatementKind::for_loop:
        return expression(static_cast<const ForStatement&>(statement).iterable.get());
      case StatementKind::macro:
        return symbols_.store(static_cast<const MacroStatement&>(statement).name);
      case StatementKind::call_block:
        return expression(static_cast<const CallBlockStatement&>(statement).call.get());
      case StatementKind::filter_block:
        return expression(static_cast<const FilterBlockStatement&>(statement).filter.get());
      case StatementKind::with_block:
        for (const auto& assignment : static_cast<const WithStatement&>(statement).assignments)
          expression(assignment.second.get());
        return;
      default:
        return;
    }
  }

  // As Jinja sees it, each elif is an {% if %} of its own.
  void visit_if(const IfStatement& node) {
    expression(node.branches[0].first.get());
    const size_t before = symbols_.n_stores();
    block(node.branches[0].second);
    for (size_t k = 1; k < node.branches.size(); ++k) {
      expression(node.branches[k].first.get());
      const size_t before_elif = symbols_.n_stores();
      block(node.branches[k].second);
      symbols_.settle_branches(before_elif);
    }
    block(node.otherwise);
    symbols_.settle_branches(before);
  }

  Symbols& symbols_;
};

enum class Soft { no, yes };  // whether unknown filters may wait until they run

// Second look: gives every name its variable and every scope its entries.
class Resolver {
 public:
  void run(Template& parsed) {
    FunctionSymbols function;
    Symbols symbols(nullptr, &function);
    NameCollector(symbols).block(parsed.body);
    block(parsed.body, symbols, Soft::no);
    parsed.scope = symbols.scope();
    parsed.n_slots = function.slots.size();
  }

 private:
  void block(Block& statements, Symbols& symbols, Soft soft) {
    for (auto& statement : statements) visit(*statement, symbols, soft);
  }

  void expression(Expression* root, Symbols& symbols, Soft soft) {
    if (root == nullptr) return;
    check_filters(*root, soft);
    for_each_name_node(*root, [&](NameExpression& name) { name.variable = symbols.find(name.name); });
  }

  void check_filters(const Expression& root, Soft soft) {
    if (root.kind == ExpressionKind::postfix && soft == Soft::no) {
      for (const Link& link : static_cast<const PostfixExpression&>(root).links) {
        if (link.kind == Link::Kind::filter && link.filter == nullptr)
          throw Failure(Cause::syntax, "there is no filter named '" + link.name + "'", link.line);
        if (link.kind == Link::Kind::test && link.test == nullptr)
          throw Failure(Cause::syntax, "there is no test named '" + link.name + "'", link.line);
      }
    }
    const Soft inside = root.kind == ExpressionKind::conditional ? Soft::yes : soft;
    for_each_child(root, [&](const Expression& child) { check_filters(child, inside); });
  }

  void target(Target& target, Symbols& symbols) {
    for (Target& item : target.items) this->target(item, symbols);
    if (target.kind == Target::Kind::tuple) return;
    if (target.kind == Target::Kind::name && target.name == "loop" && n_loops_ > 0)
      throw Failure(Cause::syntax, "can't assign to the special variable loop inside a loop", target.line);
    target.variable = symbols.find(target.name);
  }

  void visit(Statement& statement, Symbols& symbols, Soft soft) {
    switch (statement.kind) {
      case StatementKind::print:
        return expression(static_cast<PrintStatement&>(statement).value.get(), symbols, soft);
      case StatementKind::assign: {
        auto& node = static_cast<AssignStatement&>(statement);
        expression(node.value.get(), symbols, soft);
        return target(node.target, symbols);
      }
      case StatementKind::assign_block:
        return visit_assign_block(static_cast<AssignBlockStatement&>(statement), symbols);
      case StatementKind::if_branches: {
        auto& node = static_cast<IfStatement&>(statement);
        for (auto& [test, body] : node.branches) {
          expression(test.get(), symbols, Soft::yes);
          block(body, symbols, Soft::yes);
        }
        return block(node.otherwise, symbols, Soft::yes);
      }
      case StatementKind::for_loop:
        return visit_for(static_cast<ForStatement&>(statement), symbols, soft);
      case StatementKind::macro: {
        auto& node = static_cast<MacroStatement&>(statement);
        node.variable = symbols.find(node.name);
        return visit_macro(node, symbols);
      }
      case StatementKind::call_block: {
        auto& node = static_cast<CallBlockStatement&>(statement);
        visit_macro(node.caller, symbols);
        return expression(node.call.get(), symbols, soft);
      }
      case StatementKind::filter_block:
        return visit_filter_block(static_cast<FilterBlockStatement&>(statement), symbols);
      case StatementKind::with_block:
        return visit_with(static_cast<WithStatement&>(statement), symbols, soft);
      case StatementKind::scope_block: {
        auto& node = static_cast<ScopeStatement&>(statement);
        Symbols inner(&symbols, &symbols.function());
        NameCollector(inner).block(node.body);
        block(node.body, inner, Soft::no);
        node.scope = inner.scope();
        return;
      }
      default:
        return;
    }
  }

  void visit_assign_block(AssignBlockStatement& node, Symbols& symbols) {
    Symbols inner(&symbols, &symbols.function());
    NameCollector(inner).block(node.body);
    NameCollector(inner).expression(node.filter.get());
    block(node.body, inner, Soft::no);
    expression(node.filter.get(), inner, Soft::no);
    target(node.target, symbols);
    node.scope = inner.scope();
  }

  void visit_filter_block(FilterBlockStatement& node, Symbols& symbols) {
    Symbols inner(&symbols, &symbols.function());
    NameCollector(inner).block(node.body);
    block(node.body, inner, Soft::no);
    expression(node.filter.get(), inner, Soft::no);
    node.scope = inner.scope();
  }

  void visit_with(WithStatement& node, Symbols& symbols, Soft soft) {
    Symbols inner(&symbols, &symbols.function());
    for (auto& assignment : node.assignments) NameCollector(inner).parameter_target(assignment.first);
    NameCollector(inner).block(node.body);
    for (auto& [to, value] : node.assignments) {
      target(to, inner);
      expression(value.get(), symbols, soft);
    }
    block(node.body, inner, Soft::no);
    node.scope = inner.scope();
  }

  void visit_for(ForStatement& node, Symbols& symbols, Soft soft) {
    expression(node.iterable.get(), symbols, soft);
    ++n_loops_;
    FunctionSymbols own;
    own.enclosing = &symbols.function();
    FunctionSymbols& function = node.recursive ? own : symbols.function();
    Symbols body(&symbols, &function);
    node.loop_slot = body.declare_parameter("loop");
    NameCollector(body).parameter_target(node.target);
    NameCollector(body).block(node.body);
    target(node.target, body);
    block(node.body, body, Soft::no);
    node.body_scope = body.scope();
    if (node.condition) {
      Symbols condition(&symbols, &function, "if" + std::to_string(n_conditions_++) + " ");
      NameCollector(condition).parameter_target(node.condition_target);
      NameCollector(condition).expression(node.condition.get());
      target(node.condition_target, condition);
      expression(node.condition.get(), condition, Soft::no);
      node.condition_scope = condition.scope();
    }
    Symbols otherwise(&symbols, &function);
    NameCollector(otherwise).block(node.otherwise);
    block(node.otherwise, otherwise, Soft::no);
    node.otherwise_scope = otherwise.scope();
    node.n_slots = own.slots.size();
    node.has_closures = own.has_closures;
    symbols.function().has_closures |= own.has_closures;
    --n_loops_;
  }

  void visit_macro(MacroStatement& node, Symbols& symbols) {
    symbols.function().has_closures = true;
    FunctionSymbols function;
    function.enclosing = &symbols.function();
    Symbols inner(&symbols, &function);
    for (auto& parameter : node.parameters) parameter.slot = inner.declare_parameter(parameter.name);
    declare_special(node, inner);
    for (auto& parameter : node.parameters) NameCollector(inner).expression(parameter.fallback.get());
    NameCollector(inner).block(node.body);
    for (auto& parameter : node.parameters) expression(parameter.fallback.get(), inner, Soft::no);
    block(node.body, inner, Soft::no);
    node.scope = inner.scope();
    node.n_slots = function.slots.size();
    node.has_closures = function.has_closures;
  }

  // `caller`, `kwargs` and `varargs` are there for a body that uses them.
  static void declare_special(MacroStatement& node, Symbols& inner) {
    const std::set<std::string> used = names_used_before_set(node.body, {"caller", "kwargs", "varargs"});
    const auto declare = [&](const std::string& name) {
      for (const auto& parameter : node.parameters)
        if (parameter.name == name) {
          if (name == "caller" && !parameter.fallback)
            throw Failure(Cause::syntax, "the argument 'caller' must have a default", node.line);
          return -1;
        }
      return used.count(name) != 0 ? inner.declare_parameter(name) : -1;
    };
    node.caller_slot = declare("caller");
    node.kwargs_slot = declare("kwargs");
    node.varargs_slot = declare("varargs");
  }

  int n_loops_ = 0;
  int n_conditions_ = 0;
};

}  // namespace

void resolve_scopes(Template& parsed) {
  Resolver().run(parsed);
}

}  // namespace tidemill::jinja
