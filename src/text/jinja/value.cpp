#include "text/jinja/value.h"

#include <algorithm>

#include "text/jinja/operators.h"
#include "text/jinja/unicode.h"

namespace tidemill::jinja {
namespace {

constexpr size_t kLinearSearchSize = 8;  // below this many keys comparing them all beats hashing

int depth_over(const std::vector<Value>& items) {
  int depth = 0;
  for (const Value& item : items) depth = std::max(depth, item.depth());
  return depth + 1;
}

int64_t weight_of(const std::vector<Value>& items) {
  int64_t weight = 1;
  for (const Value& item : items)
    weight = std::min<int64_t>(weight + (item.is_sequence() ? item.list().weight : 1), int64_t{1} << 40);
  return weight;
}

int checked_depth(int depth) {
  if (depth > kMaxValueDepth) fail_limit("values nested deeper than " + std::to_string(kMaxValueDepth) + " levels");
  return depth;
}

std::string list_type_name(const List& list) {
  if (list.kind == ListKind::group) return "_GroupTuple";
  return list.kind == ListKind::list ? "list" : "tuple";
}

}  // namespace

std::string Absence::message() const {
  if (!why.empty()) return why;
  if (owner.empty()) return "'" + name + "' is undefined";
  if (owner == "NoneType") return "'None' has no attribute '" + name + "'";
  return "'" + owner + " object' has no attribute '" + name + "'";
}

Value::Value(const ObjectRef& object) : kind_(Kind::object), shared_(object) {}

Value Value::undefined(Absence absence) {
  Value value;
  value.shared_ = std::make_shared<const Absence>(std::move(absence));
  return value;
}

bool Value::is_markup() const {
  return is_string() && string().markup;
}
bool Value::is_list() const {
  return is_sequence() && list().kind == ListKind::list;
}
bool Value::is_tuple() const {
  return is_sequence() && list().kind != ListKind::list;
}
std::string_view Value::text() const {
  return string().text;
}
const std::vector<Value>& Value::items() const {
  return list().items;
}

// Objects were not const when they were shared.
Object& Value::object() const {
  return *static_cast<Object*>(const_cast<void*>(shared_.get()));
}
ObjectRef Value::object_ref() const {
  return std::static_pointer_cast<Object>(std::const_pointer_cast<void>(shared_));
}

std::string Value::absence_message() const {
  return is_missing() ? "a value is undefined" : static_cast<const Absence*>(shared_.get())->message();
}

std::string Value::type_name() const {
  switch (kind_) {
    case Kind::undefined:
      return "Undefined";
    case Kind::none:
      return "NoneType";
    case Kind::boolean:
      return "bool";
    case Kind::integer:
      return "int";
    case Kind::real:
      return "float";
    case Kind::string:
      return string().markup ? "Markup" : "str";
    case Kind::list:
      return list_type_name(list());
    case Kind::dict:
      return "dict";
    case Kind::object:
      return object().type_name();
  }
  return {};
}

int Value::depth() const {
  if (is_sequence()) return list().depth;
  if (is_dict()) return dict().depth();
  return is_object() ? object().depth() : 0;
}

bool Value::same_as(const Value& other) const {
  if (kind_ != other.kind_ || shared_ != other.shared_)
    return is_string() && other.is_string() && !is_markup() && string().text == other.string().text;
  return is_float() ? plain_.real == other.plain_.real : plain_.integer == other.plain_.integer;
}

String::String(Runtime* runtime, std::string bytes, bool is_safe)
    : text(std::move(bytes)),
      markup(is_safe),
      charge_(runtime, sizeof(String) + text.size()),
      length_(count_characters(text)) {}

List::List(Runtime* runtime, std::vector<Value> values, ListKind list_kind)
    : items(std::move(values)),
      kind(list_kind),
      depth(checked_depth(depth_over(items))),
      weight(weight_of(items)),
      charge_(runtime, sizeof(List) + items.size() * sizeof(Value)) {}

Dict::Dict(Runtime* runtime, std::vector<Entry> entries)
    : charge_(runtime, sizeof(Dict) + entries.size() * (sizeof(Entry) + 4 * sizeof(void*))) {
  for (Entry& entry : entries) {
    if (const auto found = position(entry.first)) {
      entries_[*found].second = std::move(entry.second);
      continue;
    }
    entries_.push_back(std::move(entry));
    const size_t begin = entries_.size() == kLinearSearchSize + 1 ? 0 : entries_.size() - 1;
    for (size_t k = begin; entries_.size() > kLinearSearchSize && k < entries_.size(); ++k)
      index_.emplace(entries_[k].first, static_cast<uint32_t>(k));
  }
  for (const Entry& entry : entries_)
    depth_ = checked_depth(std::max({depth_, entry.first.depth() + 1, entry.second.depth() + 1}));
}

template <typename Key>
std::optional<size_t> Dict::position(const Key& key) const {
  const KeyLess less;
  if (index_.empty()) {
    for (size_t k = 0; k < entries_.size(); ++k)
      if (!less(entries_[k].first, key) && !less(key, entries_[k].first)) return k;
    return std::nullopt;
  }
  const auto found = index_.find(key);
  return found == index_.end() ? std::nullopt : std::optional<size_t>(found->second);
}

const Value* Dict::find(const Value& key) const {
  const auto found = position(key);
  return found ? &entries_[*found].second : nullptr;
}

const Value* Dict::find(std::string_view key) const {
  const auto found = position(key);
  return found ? &entries_[*found].second : nullptr;
}

std::string Object::repr(Runtime&) const {
  std::string text(1, '<');
  return text.append(type_name()).append(" object>");
}
bool Object::truth(Runtime&) const {
  return true;
}
std::optional<int64_t> Object::length(Runtime&) {
  return std::nullopt;
}
std::optional<Value> Object::attribute(Runtime&, std::string_view, const ObjectRef&) {
  return std::nullopt;
}
std::optional<Value> Object::item(Runtime&, const Value&) {
  return std::nullopt;
}
std::unique_ptr<Iterator> Object::iterate(Runtime&, const ObjectRef&) {
  return nullptr;
}
Value Object::call(Runtime&, const Arguments&) {
  const std::string type = type_name();
  fail_value("'" + type + "' object is not callable");
}

Value make_string(Runtime& runtime, std::string text, bool markup) {
  Runtime::check_text_size(text.size());
  runtime.spend(1);
  runtime.spend_bytes(text.size());
  return StringRef(std::make_shared<const String>(&runtime, std::move(text), markup));
}

Value make_string(Runtime& runtime, Text& text, bool markup) {
  return make_string(runtime, text.take(), markup);
}

Value make_list(Runtime& runtime, std::vector<Value> items) {
  runtime.spend(static_cast<int64_t>(items.size()));
  return ListRef(std::make_shared<const List>(&runtime, std::move(items), ListKind::list));
}

Value make_tuple(Runtime& runtime, std::vector<Value> items) {
  runtime.spend(static_cast<int64_t>(items.size()));
  return ListRef(std::make_shared<const List>(&runtime, std::move(items), ListKind::tuple));
}

Value make_dict(Runtime& runtime, std::vector<Dict::Entry> entries) {
  for (const Dict::Entry& entry : entries) check_key(runtime, entry.first);
  return DictRef(std::make_shared<const Dict>(&runtime, std::move(entries)));
}

Value constant_string(std::string text) {
  return StringRef(std::make_shared<const String>(nullptr, std::move(text), false));
}

}  // namespace tidemill::jinja
