#include "grammar/rules.h"

#include <algorithm>
#include <utility>

#include "tidemill/grammar.h"

namespace tidemill::grammar {
namespace {

constexpr size_t kMaxExpressions = 250'000;
constexpr size_t kMaxRules = 10'000;
constexpr uint16_t kMaxDepth = 400;

}  // namespace

ExpressionId Rules::add(Expression expression) {
  uint16_t depth = 0;
  for (const ExpressionId part : expression.parts) depth = std::max(depth, depths_[part]);
  if (depth >= kMaxDepth) throw GrammarError("", "is nested too deeply; make rules of its parts");
  if (expressions_.size() >= kMaxExpressions)
    throw GrammarError("", "has more than " + std::to_string(kMaxExpressions) + " parts; make it smaller");
  expressions_.push_back(std::move(expression));
  depths_.push_back(static_cast<uint16_t>(depth + 1));
  return static_cast<ExpressionId>(expressions_.size() - 1);
}

ExpressionId Rules::literal(std::string text) {
  return add({.kind = Expression::Kind::literal, .text = std::move(text)});
}

ExpressionId Rules::set(CodePointSet set) {
  return add({.kind = Expression::Kind::set, .set = std::move(set)});
}

ExpressionId Rules::sequence(std::vector<ExpressionId> parts) {
  if (parts.size() == 1) return parts.front();
  return add({.kind = Expression::Kind::sequence, .parts = std::move(parts)});
}

ExpressionId Rules::choice(std::vector<ExpressionId> parts) {
  if (parts.size() == 1) return parts.front();
  return add({.kind = Expression::Kind::choice, .parts = std::move(parts)});
}

ExpressionId Rules::repeat(ExpressionId body, uint32_t min, uint32_t max) {
  if (min == 1 && max == 1) return body;
  return add({.kind = Expression::Kind::repeat, .parts = {body}, .min = min, .max = max});
}

ExpressionId Rules::reference(RuleId rule) {
  return add({.kind = Expression::Kind::rule, .rule = rule});
}

RuleId Rules::new_rule(std::string name) {
  if (bodies_.size() >= kMaxRules)
    throw GrammarError("", "has more than " + std::to_string(kMaxRules) + " rules; make it smaller");
  bodies_.push_back(nothing());
  names_.push_back(std::move(name));
  return static_cast<RuleId>(bodies_.size() - 1);
}

}  // namespace tidemill::grammar
