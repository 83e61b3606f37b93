#include "grammar/multiples.h"

#include <string>
#include <utility>
#include <vector>

namespace tidemill::grammar {
namespace {

constexpr int64_t kMaxDivisor = 100;
constexpr int64_t kMostListed = 1000;
constexpr int kMaxDigits = 18;

// The first multiple of `divisor` at or beyond a bound, in the direction of `step` (1 or -1).
int64_t nearest(const Bound& bound, int64_t divisor, int64_t step) {
  int64_t value = std::stoll(bound.value.whole);  // of at most 18 digits
  if (bound.value.is_negative) value = -value;
  // The bound lies between `value` and its neighbour away from zero.
  const bool is_beyond = bound.value.fraction.empty() ? bound.is_open : bound.value.is_negative == (step < 0);
  if (is_beyond) value += step;
  const int64_t rest = (value % divisor + divisor) % divisor;
  if (rest == 0) return value;
  return step > 0 ? value + divisor - rest : value - rest;
}

// Digits that make a number which leaves `rest` a multiple: rule (n, rest) is what may follow when n more digits may
// come.
class DigitRules {
 public:
  DigitRules(int64_t divisor, Rules& rules) : divisor_(divisor), rules_(rules) {
    for (int n = 0; n < kMaxDigits; ++n) add_level(n);
  }

  // A number above zero.
  ExpressionId positive() { return digits(1, 0, kMaxDigits - 1); }

 private:
  // The digits from `first` to 9, each with what may follow it when `n` more may come.
  ExpressionId digits(int first, int64_t rest, int n) {
    std::vector<ExpressionId> parts;
    for (int digit = first; digit <= 9; ++digit) {
      const auto next = static_cast<size_t>((rest * 10 + digit) % divisor_);
      parts.push_back(rules_.sequence({rules_.literal(std::to_string(digit)), after_[static_cast<size_t>(n)][next]}));
    }
    return rules_.choice(std::move(parts));
  }

  void add_level(int n) {
    std::vector<ExpressionId> level;
    for (int64_t rest = 0; rest < divisor_; ++rest) {
      std::vector<ExpressionId> parts;
      if (rest == 0) parts.push_back(rules_.empty());
      if (n > 0) parts.push_back(digits(0, rest, n - 1));
      const RuleId rule = rules_.new_rule("multiple");
      rules_.define(rule, rules_.choice(std::move(parts)));
      level.push_back(rules_.reference(rule));
    }
    after_.push_back(std::move(level));
  }

  int64_t divisor_;
  Rules& rules_;
  std::vector<std::vector<ExpressionId>> after_;  // [digits that may come][rest]
};

bool is_zero(const std::optional<Bound>& bound) {
  return bound && bound->value.is_zero();
}

}  // namespace

ExpressionId multiples_of(int64_t divisor, const NumberRange& range, Rules& rules, const SchemaPath& path) {
  if (range.least && range.greatest) {
    const int64_t least = nearest(*range.least, divisor, 1), greatest = nearest(*range.greatest, divisor, -1);
    if (least > greatest) return rules.nothing();
    if ((greatest - least) / divisor < kMostListed) {
      std::vector<ExpressionId> parts;
      for (int64_t value = least; value <= greatest; value += divisor)
        parts.push_back(rules.literal(std::to_string(value)));
      return rules.choice(std::move(parts));
    }
  }
  if (divisor > kMaxDivisor)
    path.fail("is above " + std::to_string(kMaxDivisor) + "; give bounds with at most 1,000 multiples between them");
  if ((range.least && !is_zero(range.least)) || (range.greatest && !is_zero(range.greatest)))
    path.fail(
        "cannot be joined with these bounds; give one that is 0, or two with at most 1,000 multiples between them");
  const ExpressionId above = DigitRules(divisor, rules).positive();
  std::vector<ExpressionId> parts;
  const bool has_zero = !(range.least && range.least->is_open) && !(range.greatest && range.greatest->is_open);
  if (has_zero) parts.push_back(rules.literal("0"));
  if (!range.greatest) parts.push_back(above);
  if (!range.least) parts.push_back(rules.sequence({rules.literal("-"), above}));
  return rules.choice(std::move(parts));
}

}  // namespace tidemill::grammar
