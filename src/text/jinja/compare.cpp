// Equality, order and membership.

#include <algorithm>
#include <cmath>

#include "text/jinja/operators.h"

namespace tidemill::jinja {
namespace {

// Exact, unlike a conversion of the integer to double.
int compare_numbers(int64_t a, double b) {
  if (b >= 9223372036854775808.0) return -1;
  if (b < -9223372036854775808.0) return 1;
  const auto whole = static_cast<int64_t>(b);
  if (a != whole) return a < whole ? -1 : 1;
  const double rest = b - static_cast<double>(whole);
  return rest > 0 ? -1 : rest < 0 ? 1 : 0;
}

// -1, 0 or 1; nothing when a NaN is among them.
std::optional<int> compare_numbers(const Value& a, const Value& b) {
  if ((a.is_float() && std::isnan(a.as_float())) || (b.is_float() && std::isnan(b.as_float()))) return std::nullopt;
  if (a.is_float() && b.is_float()) return a.as_float() < b.as_float() ? -1 : a.as_float() > b.as_float();
  if (b.is_float()) return compare_numbers(a.as_int(), b.as_float());
  if (a.is_float()) return -compare_numbers(b.as_int(), a.as_float());
  return a.as_int() < b.as_int() ? -1 : a.as_int() > b.as_int();
}

bool equal_lists(Runtime& runtime, const std::vector<Value>& a, const std::vector<Value>& b) {
  const auto same = [&](const Value& x, const Value& y) { return same_or_equal(runtime, x, y); };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

bool equal_dicts(Runtime& runtime, const Dict& a, const Dict& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [key, value] : a.entries()) {
    check_key(runtime, key);
    const Value* other = b.find(key);
    if (other == nullptr || !same_or_equal(runtime, value, *other)) return false;
  }
  return true;
}

// Which group of keys comes first.
int key_rank(const Value& key) {
  if (key.is_undefined()) return 0;
  if (key.is_none()) return 1;
  if (key.is_float() && std::isnan(key.as_float())) return 2;
  if (key.is_number()) return 3;
  if (key.is_string()) return 4;
  return key.is_sequence() ? 5 : 6;
}

constexpr int kStringRank = 4;
constexpr int64_t kMaxKeyWeight = 1000;

bool contains_text(Runtime& runtime, const Value& container, const Value& item) {
  if (!item.is_string()) fail_value("'in <string>' requires string as left operand, not " + item.type_name());
  runtime.spend_search(container.text().size(), item.text().size());
  return container.text().find(item.text()) != std::string_view::npos;
}

}  // namespace

bool equal(Runtime& runtime, const Value& a, const Value& b) {
  runtime.spend(1);
  if (a.is_number() && b.is_number()) return compare_numbers(a, b) == 0;
  if (a.is_string() && b.is_string()) {
    runtime.spend_bytes(std::min(a.text().size(), b.text().size()));
    return a.text() == b.text();
  }
  if (a.is_none() || b.is_none()) return a.is_none() && b.is_none();
  if (a.is_undefined() || b.is_undefined()) return a.is_undefined() && b.is_undefined();
  if (a.is_sequence() && b.is_sequence())
    return a.is_list() == b.is_list() && equal_lists(runtime, a.items(), b.items());
  if (a.is_dict() && b.is_dict()) return equal_dicts(runtime, a.dict(), b.dict());
  return a.is_object() && b.is_object() && a.object().equals(runtime, b.object());
}

bool same_or_equal(Runtime& runtime, const Value& a, const Value& b) {
  runtime.spend(1);
  // Equal texts are as good as the same, and to compare them costs.
  return (!a.is_string() && a.same_as(b)) || equal(runtime, a, b);
}

bool less(Runtime& runtime, const Value& a, const Value& b) {
  runtime.spend(1);
  require_defined(a);
  require_defined(b);
  if (a.is_number() && b.is_number()) return compare_numbers(a, b) == -1;
  if (a.is_string() && b.is_string()) {
    runtime.spend_bytes(std::min(a.text().size(), b.text().size()));
    return a.text() < b.text();
  }
  if (a.is_sequence() && b.is_sequence() && a.is_list() == b.is_list()) {
    const auto &left = a.items(), &right = b.items();
    const auto same = [&](const Value& x, const Value& y) { return same_or_equal(runtime, x, y); };
    const auto [x, y] = std::mismatch(left.begin(), left.end(), right.begin(), right.end(), same);
    if (x == left.end() || y == right.end()) return x == left.end() && y != right.end();
    return less(runtime, *x, *y);
  }
  fail_value("'<' not supported between instances of '" + a.type_name() + "' and '" + b.type_name() + "'");
}

bool less_or_equal(Runtime& runtime, const Value& a, const Value& b) {
  return less(runtime, a, b) || equal(runtime, a, b);
}

bool contains(Runtime& runtime, const Value& container, const Value& item) {
  if (container.is_string()) return contains_text(runtime, container, item);
  if (container.is_dict()) {
    check_key(runtime, item);
    return container.dict().find(item) != nullptr;
  }
  const auto items = try_iterate(runtime, container);
  if (items == nullptr) fail_value("argument of type '" + container.type_name() + "' is not iterable");
  for (Value candidate; items->next(candidate);)
    if (same_or_equal(runtime, candidate, item)) return true;
  return false;
}

void check_key(Runtime& runtime, const Value& key) {
  runtime.spend(1);
  if (key.is_string()) runtime.spend_bytes(key.text().size());
  if (key.is_list() || key.is_dict()) fail_value("unhashable type: '" + key.type_name() + "'");
  if (!key.is_tuple()) return;
  if (key.list().weight > kMaxKeyWeight) fail_limit("a tuple too large to be a key");
  for (const Value& item : key.items()) check_key(runtime, item);
}

bool KeyLess::operator()(const Value& a, const Value& b) const {
  const int rank = key_rank(a), other = key_rank(b);
  if (rank != other) return rank < other;
  if (a.is_string()) return a.text() < b.text();
  if (a.is_number()) return compare_numbers(a, b).value_or(0) < 0;
  if (a.is_sequence())
    return std::lexicographical_compare(a.items().begin(), a.items().end(), b.items().begin(), b.items().end(), *this);
  return a.is_object() && a.object_ref() < b.object_ref();
}

bool KeyLess::operator()(const Value& a, std::string_view b) const {
  return a.is_string() ? a.text() < b : key_rank(a) < kStringRank;
}

bool KeyLess::operator()(std::string_view a, const Value& b) const {
  return b.is_string() ? a < b.text() : key_rank(b) > kStringRank;
}

}  // namespace tidemill::jinja
