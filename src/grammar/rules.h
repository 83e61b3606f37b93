// Rules: a grammar as expressions, which is what GBNF texts, schemas and patterns become.
//
// An expression stands for a set of byte strings.  Expressions are numbered, and one refers to earlier ones only, save
// through rules: so they have no cycles, and passes over them are loops.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "text/unicode/code_point_set.h"

namespace tidemill::grammar {

using ExpressionId = uint32_t;
using RuleId = uint32_t;

inline constexpr uint32_t kUnlimited = std::numeric_limits<uint32_t>::max();

struct Expression {
  enum class Kind : uint8_t {
    literal,   // `text`; the empty one is the empty string
    set,       // one code point of `set`, as UTF-8
    sequence,  // all parts, one after the other
    choice,    // one of the parts; none: nothing at all
    repeat,    // the one part, `min` to `max` times
    rule,      // what `rule` is defined as
  };
  Kind kind = Kind::literal;
  std::string text = {};
  CodePointSet set = {};
  std::vector<ExpressionId> parts = {};
  uint32_t min = 0, max = 0;
  RuleId rule = 0;
};

class Rules {
 public:
  // Each throws GrammarError when there are more than a quarter of a million expressions, or some are nested more than
  // 400 deep.
  ExpressionId literal(std::string text);
  ExpressionId set(CodePointSet set);
  ExpressionId sequence(std::vector<ExpressionId> parts);
  ExpressionId choice(std::vector<ExpressionId> parts);
  ExpressionId repeat(ExpressionId body, uint32_t min, uint32_t max);
  ExpressionId optional(ExpressionId body) { return repeat(body, 0, 1); }
  ExpressionId empty() { return literal(""); }
  ExpressionId nothing() { return choice({}); }
  ExpressionId reference(RuleId rule);

  // A rule to be defined later; `name` is for messages.  Throws GrammarError for more than 10,000.
  RuleId new_rule(std::string name);
  void define(RuleId rule, ExpressionId body) { bodies_[rule] = body; }

  size_t n_expressions() const { return expressions_.size(); }
  size_t n_rules() const { return bodies_.size(); }
  const Expression& operator[](ExpressionId id) const { return expressions_[id]; }
  ExpressionId body(RuleId rule) const { return bodies_[rule]; }
  const std::string& name(RuleId rule) const { return names_[rule]; }

 private:
  ExpressionId add(Expression expression);

  std::vector<Expression> expressions_;
  std::vector<uint16_t> depths_;  // of expressions
  std::vector<ExpressionId> bodies_;
  std::vector<std::string> names_;
};

}  // namespace tidemill::grammar
