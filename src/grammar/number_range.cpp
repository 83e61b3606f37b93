// Bounds are compared as people do: the longer number is the greater one; of equal length, the first digit that differs
// decides, and behind it all digits are free.
#include "grammar/number_range.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <tuple>
#include <vector>

namespace tidemill::grammar {
namespace {

constexpr size_t kMaxDigits = 18;

// A part of a range on one side of zero: magnitudes.
struct Magnitudes {
  Bound least;
  std::optional<Bound> greatest;
};

class Writer {
 public:
  Writer(bool has_fraction, Rules& rules) : has_fraction_(has_fraction), rules_(rules) {}

  ExpressionId write(const NumberRange& range) {
    std::vector<ExpressionId> parts;
    const auto& [least, greatest] = range;
    if (!greatest || !greatest->value.is_negative) {
      const bool from_zero = !least || least->value.is_negative;
      parts.push_back(magnitudes({from_zero ? Bound{} : *least, greatest}));
    }
    if (!least || least->value.is_negative) {
      const bool from_zero = !greatest || !greatest->value.is_negative;
      const Bound near = from_zero ? Bound{.value = {}, .is_open = true} : mirrored(*greatest);
      const std::optional<Bound> far = least ? std::optional(mirrored(*least)) : std::nullopt;
      parts.push_back(rules_.sequence({rules_.literal("-"), magnitudes({near, far})}));
    }
    return rules_.choice(std::move(parts));
  }

 private:
  static Bound mirrored(Bound bound) {
    bound.value.is_negative = false;
    return bound;
  }

  CodePointSet digits(char first, char last) {
    return CodePointSet(static_cast<char32_t>(first), static_cast<char32_t>(last));
  }
  ExpressionId digit(char first, char last) {
    return first > last ? rules_.nothing() : rules_.set(digits(first, last));
  }
  ExpressionId any_digits(size_t min, size_t max) {
    return rules_.repeat(digit('0', '9'), static_cast<uint32_t>(min), static_cast<uint32_t>(max));
  }

  ExpressionId magnitudes(const Magnitudes& range) {
    const auto& [least, greatest] = range;
    std::vector<ExpressionId> parts;
    if (greatest && greatest->value.whole == least.value.whole) {
      parts.push_back(rules_.sequence({rules_.literal(least.value.whole), fraction_between(least, *greatest)}));
      return rules_.choice(std::move(parts));
    }
    // The whole part of a bound itself, and those strictly between, of any length.
    parts.push_back(rules_.sequence({rules_.literal(least.value.whole), fraction_above(least)}));
    if (greatest) parts.push_back(rules_.sequence({rules_.literal(greatest->value.whole), fraction_below(*greatest)}));
    const std::string low = least.value.whole;
    const std::string high = greatest ? greatest->value.whole : std::string(kMaxDigits + 1, '9');
    if (greatest && (low.size() > high.size() || (low.size() == high.size() && low > high))) return rules_.nothing();
    for (size_t n = low.size(); n <= std::min(high.size(), kMaxDigits); ++n) {
      const std::string first = n == low.size() ? low : std::string();
      const std::string last = n == high.size() ? high : std::string();
      parts.push_back(rules_.sequence({between(first, last, n, n > 1), any_fraction()}));
    }
    return rules_.choice(std::move(parts));
  }

  // Numbers of `n` digits strictly above `low` and strictly below `high`; an empty one is no bound.
  ExpressionId between(std::string_view low, std::string_view high, size_t n, bool is_first) {
    if (low.empty() && high.empty() && !is_first) return any_digits(n, n);
    const char least = is_first ? '1' : '0';
    const char from = low.empty() ? least : low[0], to = high.empty() ? '9' : high[0];
    std::vector<ExpressionId> parts;
    const auto with = [&](char first, std::string_view lower, std::string_view upper) {
      const ExpressionId rest = n == 1 ? rules_.nothing()  // it equals a bound
                                       : between(lower, upper, n - 1, false);
      parts.push_back(rules_.sequence({rules_.literal({first}), rest}));
    };
    if (!low.empty() && !high.empty() && from == to) {
      with(from, low.substr(1), high.substr(1));
    } else {
      if (!low.empty()) with(from, low.substr(1), {});
      const char first = low.empty() ? from : static_cast<char>(from + 1);
      const char last = high.empty() ? to : static_cast<char>(to - 1);
      if (first <= last) parts.push_back(rules_.sequence({digit(first, last), any_digits(n - 1, n - 1)}));
      if (!high.empty()) with(to, {}, high.substr(1));
    }
    return rules_.choice(std::move(parts));
  }

  ExpressionId any_fraction() {
    if (!has_fraction_) return rules_.empty();
    return rules_.optional(rules_.sequence({rules_.literal("."), any_digits(1, kMaxDigits)}));
  }

  // Behind the whole part of the bound.
  ExpressionId fraction_above(const Bound& bound) {
    if (!has_fraction_) return bound.is_open || !bound.value.fraction.empty() ? rules_.nothing() : rules_.empty();
    if (bound.value.fraction.empty() && !bound.is_open) return any_fraction();
    return rules_.sequence({rules_.literal("."), digits_above(bound.value.fraction, bound.is_open, kMaxDigits)});
  }
  ExpressionId fraction_below(const Bound& bound) {
    const bool has_room = !bound.is_open || !bound.value.fraction.empty();
    if (!has_fraction_ || !has_room) return has_room ? rules_.empty() : rules_.nothing();
    return rules_.optional(
        rules_.sequence({rules_.literal("."), digits_below(bound.value.fraction, bound.is_open, kMaxDigits, true)}));
  }
  ExpressionId fraction_between(const Bound& least, const Bound& greatest) {
    if (least.value.fraction.empty() && !least.is_open) return fraction_below(greatest);
    const std::string &low = least.value.fraction, &high = greatest.value.fraction;
    if (!has_fraction_ || low > high || (low == high && (least.is_open || greatest.is_open))) return rules_.nothing();
    size_t n_same = 0;  // a number between begins as both do; then one digit decides, or none
    while (n_same < low.size() && n_same < high.size() && low[n_same] == high[n_same]) ++n_same;
    const std::string low_rest = low.substr(n_same), high_rest = high.substr(n_same);
    const size_t room = kMaxDigits - n_same;
    std::vector<ExpressionId> parts;
    if (high_rest.empty()) {  // they are equal
      parts.push_back(any_zeros(room));
    } else {
      const char from = low_rest.empty() ? '0' : low_rest[0];
      if (room > 0 && from + 1 < high_rest[0])
        parts.push_back(rules_.sequence(
            {digit(static_cast<char>(from + 1), static_cast<char>(high_rest[0] - 1)), any_digits(0, room - 1)}));
      const std::string low_more = low_rest.empty() ? "" : low_rest.substr(1);
      parts.push_back(rules_.sequence({rules_.literal({from}), digits_above(low_more, least.is_open, room - 1)}));
      parts.push_back(rules_.sequence(
          {rules_.literal({high_rest[0]}), digits_below(high_rest.substr(1), greatest.is_open, room - 1, false)}));
    }
    return rules_.sequence({rules_.literal("." + low.substr(0, n_same)), rules_.choice(std::move(parts))});
  }

  ExpressionId any_zeros(size_t most) { return rules_.repeat(rules_.literal("0"), 0, static_cast<uint32_t>(most)); }

  // Digits behind the point that are above `bound` as a fraction, or equal to it unless that is open.
  ExpressionId digits_above(std::string_view bound, bool is_open, size_t room) {
    if (room == 0) return bound.empty() && !is_open ? rules_.empty() : rules_.nothing();
    if (bound.empty() && !is_open) return any_digits(0, room);
    const char first = bound.empty() ? '0' : bound[0];
    const std::string_view rest = bound.empty() ? bound : bound.substr(1);
    std::vector<ExpressionId> parts = {
        rules_.sequence({rules_.literal({first}), digits_above(rest, is_open, room - 1)})};
    if (first < '9')
      parts.push_back(rules_.sequence({digit(static_cast<char>(first + 1), '9'), any_digits(0, room - 1)}));
    return rules_.choice(std::move(parts));
  }

  // The same below; `needs_digit`: at least one.
  ExpressionId digits_below(std::string_view bound, bool is_open, size_t room, bool needs_digit) {
    const bool may_stop = !needs_digit && !(bound.empty() && is_open);
    if (bound.empty()) {
      if (is_open || (needs_digit && room == 0)) return rules_.nothing();
      return rules_.repeat(rules_.literal("0"), needs_digit ? 1 : 0, static_cast<uint32_t>(room));
    }
    std::vector<ExpressionId> parts;
    if (may_stop) parts.push_back(rules_.empty());
    if (room > 0) {
      parts.push_back(
          rules_.sequence({rules_.literal({bound[0]}), digits_below(bound.substr(1), is_open, room - 1, false)}));
      if (bound[0] > '0')
        parts.push_back(rules_.sequence({digit('0', static_cast<char>(bound[0] - 1)), any_digits(0, room - 1)}));
    }
    return rules_.choice(std::move(parts));
  }

  bool has_fraction_;
  Rules& rules_;
};

Decimal read_decimal(const nlohmann::ordered_json& value, const SchemaPath& path) {
  if (!value.is_number()) path.fail("must be a number");
  Decimal decimal;
  std::string text;
  if (value.is_number_integer()) {
    text = value.dump();
  } else {
    std::array<char, 512> buffer;
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value.get<double>(),
                                   std::chars_format::fixed);  // the shortest that reads the same
    text.assign(buffer.data(), end.ptr);
  }
  decimal.is_negative = text.starts_with('-');
  if (decimal.is_negative) text.erase(0, 1);
  const size_t point = std::min(text.find('.'), text.size());
  decimal.whole = text.substr(0, point);
  decimal.fraction = point < text.size() ? text.substr(point + 1) : "";
  decimal.fraction.erase(decimal.fraction.find_last_not_of('0') + 1);
  if (decimal.is_zero()) decimal.is_negative = false;
  if (decimal.whole.size() > kMaxDigits || decimal.fraction.size() >= kMaxDigits)
    path.fail("has more than " + std::to_string(kMaxDigits) + " digits; use a bound that is nearer to zero");
  return decimal;
}

bool is_less(const Decimal& a, const Decimal& b) {
  if (a.is_negative != b.is_negative) return a.is_negative;
  const auto key = [](const Decimal& decimal) {
    return std::tuple(decimal.whole.size(), decimal.whole, decimal.fraction);
  };
  return a.is_negative ? key(b) < key(a) : key(a) < key(b);
}

}  // namespace

NumberRange read_range(const nlohmann::ordered_json& schema, const SchemaPath& path) {
  NumberRange range;
  const auto take = [&](const char* keyword, bool is_open, bool is_least) {
    const auto found = schema.find(keyword);
    if (found == schema.end() || found->is_boolean()) return;  // of draft 4: looked at beside its bound
    const Bound bound{.value = read_decimal(*found, path / keyword), .is_open = is_open};
    std::optional<Bound>& mine = is_least ? range.least : range.greatest;
    const bool is_tighter = !mine || (is_least ? is_less(mine->value, bound.value) : is_less(bound.value, mine->value));
    const bool is_equal = mine && !is_less(mine->value, bound.value) && !is_less(bound.value, mine->value);
    if (is_tighter) mine = bound;
    if (is_equal) mine->is_open |= is_open;
  };
  const auto is_true = [&](const char* keyword) { return schema.contains(keyword) && schema[keyword] == true; };
  take("minimum", is_true("exclusiveMinimum"), true);
  take("maximum", is_true("exclusiveMaximum"), false);
  take("exclusiveMinimum", true, true);
  take("exclusiveMaximum", true, false);
  if (range.least && range.greatest && is_less(range.greatest->value, range.least->value))
    (path / "minimum").fail("is above the maximum");
  return range;
}

ExpressionId numbers_within(const NumberRange& range, bool has_fraction, Rules& rules) {
  return Writer(has_fraction, rules).write(range);
}

}  // namespace tidemill::grammar
