#include "grammar/rule_facts.h"

#include <string>
#include <utility>

#include "tidemill/grammar.h"

namespace tidemill::grammar {
namespace {

using Kind = Expression::Kind;

// The least set of expressions that holds the literals and sets that `is_leaf` names, a sequence with all its parts, a
// choice with one of them, a repetition that may be left out or with its part, and a rule with its body.
class Closure {
 public:
  explicit Closure(const Rules& rules)
      : rules_(rules),
        users_(rules.n_expressions()),
        users_of_rule_(rules.n_rules()),
        rules_of_body_(rules.n_expressions()),
        n_missing_(rules.n_expressions()),
        holds_(rules.n_expressions()) {
    for (ExpressionId id = 0; id < rules.n_expressions(); ++id) {
      const Expression& expression = rules[id];
      for (const ExpressionId part : expression.parts) users_[part].push_back(id);
      if (expression.kind == Kind::rule) users_of_rule_[expression.rule].push_back(id);
      n_missing_[id] = expression.kind == Kind::sequence ? static_cast<uint32_t>(expression.parts.size()) : 1;
    }
    for (RuleId rule = 0; rule < rules.n_rules(); ++rule) rules_of_body_[rules.body(rule)].push_back(rule);
  }

  template <typename IsLeaf>
  std::vector<char> compute(IsLeaf&& is_leaf) {
    for (ExpressionId id = 0; id < rules_.n_expressions(); ++id) {
      const Expression& expression = rules_[id];
      const bool is_free = (expression.kind == Kind::repeat && expression.min == 0) ||
                           (expression.kind == Kind::sequence && expression.parts.empty());
      if (is_free || is_leaf(expression)) add(id);
    }
    while (!queue_.empty()) {
      const ExpressionId id = queue_.back();
      queue_.pop_back();
      for (const ExpressionId user : users_[id]) count(user);
      for (const RuleId rule : rules_of_body_[id])
        for (const ExpressionId user : users_of_rule_[rule]) count(user);
    }
    return std::move(holds_);
  }

 private:
  void add(ExpressionId id) {
    if (std::exchange(holds_[id], 1) == 0) queue_.push_back(id);
  }
  void count(ExpressionId user) {
    if (n_missing_[user] > 0 && --n_missing_[user] == 0) add(user);
  }

  const Rules& rules_;
  std::vector<std::vector<ExpressionId>> users_, users_of_rule_;
  std::vector<std::vector<RuleId>> rules_of_body_;
  std::vector<uint32_t> n_missing_;  // parts that an expression still lacks
  std::vector<char> holds_;
  std::vector<ExpressionId> queue_;
};

// The rules that `rule` may begin with.
class LeftRules {
 public:
  LeftRules(const Rules& rules, const RuleFacts& facts) : rules_(rules), facts_(facts), seen_(rules.n_expressions()) {}

  std::vector<RuleId> of(RuleId rule) {
    ++round_;
    found_.clear();
    visit(rules_.body(rule));
    return found_;
  }

 private:
  void visit(ExpressionId id) {  // as deep as expressions are nested, which Rules limits
    if (!facts_.productive[id] || std::exchange(seen_[id], round_) == round_) return;
    const Expression& expression = rules_[id];
    if (expression.kind == Kind::rule) found_.push_back(expression.rule);
    for (const ExpressionId part : expression.parts) {
      visit(part);
      if (expression.kind == Kind::sequence && !facts_.nullable[part]) break;
    }
  }

  const Rules& rules_;
  const RuleFacts& facts_;
  std::vector<uint32_t> seen_;
  uint32_t round_ = 0;
  std::vector<RuleId> found_;
};

}  // namespace

RuleFacts facts_of(const Rules& rules) {
  RuleFacts facts;
  facts.nullable = Closure(rules).compute(
      [](const Expression& expression) { return expression.kind == Kind::literal && expression.text.empty(); });
  facts.productive = Closure(rules).compute([](const Expression& expression) {
    return expression.kind == Kind::literal || (expression.kind == Kind::set && !expression.set.empty());
  });
  return facts;
}

void refuse_left_recursion(const Rules& rules, const RuleFacts& facts) {
  enum class Mark : char { fresh, open, done };
  struct Visit {
    RuleId rule;
    std::vector<RuleId> left;  // those that are still to be visited
  };
  std::vector<Mark> marks(rules.n_rules(), Mark::fresh);
  LeftRules left_rules(rules, facts);
  for (RuleId first = 0; first < rules.n_rules(); ++first) {
    if (marks[first] != Mark::fresh) continue;
    std::vector<Visit> path;
    const auto open = [&](RuleId rule) {
      marks[rule] = Mark::open;
      path.push_back({rule, left_rules.of(rule)});
    };
    open(first);
    while (!path.empty()) {
      if (path.back().left.empty()) {
        marks[path.back().rule] = Mark::done;
        path.pop_back();
        continue;
      }
      const RuleId next = path.back().left.back();
      path.back().left.pop_back();
      if (marks[next] == Mark::open)
        throw GrammarError("rule '" + rules.name(next) + "'",
                           "is left-recursive: it can begin with itself; write it as a repetition, as in "
                           "list ::= item (\",\" item)*");
      if (marks[next] == Mark::fresh) open(next);
    }
  }
}

}  // namespace tidemill::grammar
