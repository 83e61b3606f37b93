// Values of a template with Python's meaning: None, bool, int (64 bits), float, str, list, tuple, dict, undefined, and
// objects (macros, generators, namespaces, ...).  Copies share what they refer to; strings, lists and dicts never
// change once made.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/runtime.h"

namespace tidemill::jinja {

class Value;
struct String;
struct List;
class Dict;
class Object;

struct None {};

// Why there is no value; says so when an operation needs one.
struct Absence {
  std::string name;   // the variable, attribute or key
  std::string owner;  // Python's type of what was looked into; empty for a variable
  std::string why;    // the whole message, when it is neither

  std::string message() const;
};

using AbsenceRef = std::shared_ptr<const Absence>;
using StringRef = std::shared_ptr<const String>;
using ListRef = std::shared_ptr<const List>;
using DictRef = std::shared_ptr<const Dict>;
using ObjectRef = std::shared_ptr<Object>;

// A default-constructed value is the content of a variable that nobody has set.
class Value {
 public:
  Value() = default;
  Value(None) : kind_(Kind::none) {}
  Value(bool truth) : kind_(Kind::boolean) { plain_.integer = truth ? 1 : 0; }
  Value(int number) : Value(int64_t{number}) {}
  Value(int64_t number) : kind_(Kind::integer) { plain_.integer = number; }
  Value(double number) : kind_(Kind::real) { plain_.real = number; }
  Value(StringRef string) : kind_(Kind::string), shared_(std::move(string)) {}
  Value(ListRef list) : kind_(Kind::list), shared_(std::move(list)) {}
  Value(DictRef dict) : kind_(Kind::dict), shared_(std::move(dict)) {}
  Value(const ObjectRef& object);
  Value(const void*) = delete;  // a pointer is not a truth value

  static Value undefined(Absence absence);

  bool is_missing() const { return is_undefined() && shared_ == nullptr; }  // an unset variable
  bool is_undefined() const { return kind_ == Kind::undefined; }
  bool is_none() const { return kind_ == Kind::none; }
  bool is_bool() const { return kind_ == Kind::boolean; }
  bool is_int() const { return kind_ == Kind::integer; }
  bool is_float() const { return kind_ == Kind::real; }
  bool is_integral() const { return is_int() || is_bool(); }  // Python's bool is an int
  bool is_number() const { return is_integral() || is_float(); }
  bool is_string() const { return kind_ == Kind::string; }
  bool is_markup() const;
  bool is_sequence() const { return kind_ == Kind::list; }  // list or tuple
  bool is_list() const;
  bool is_tuple() const;
  bool is_dict() const { return kind_ == Kind::dict; }
  bool is_object() const { return kind_ == Kind::object; }

  // The caller has checked the kind.
  bool as_bool() const { return plain_.integer != 0; }
  int64_t as_int() const { return plain_.integer; }
  double as_float() const { return is_float() ? plain_.real : static_cast<double>(plain_.integer); }
  const String& string() const { return *static_cast<const String*>(shared_.get()); }
  StringRef string_ref() const { return std::static_pointer_cast<const String>(shared_); }
  std::string_view text() const;
  const List& list() const { return *static_cast<const List*>(shared_.get()); }
  const std::vector<Value>& items() const;
  ListRef list_ref() const { return std::static_pointer_cast<const List>(shared_); }
  const Dict& dict() const { return *static_cast<const Dict*>(shared_.get()); }
  DictRef dict_ref() const { return std::static_pointer_cast<const Dict>(shared_); }
  Object& object() const;
  ObjectRef object_ref() const;
  // The object as a T; nullptr when it is something else.
  template <typename T>
  T* object_as() const {
    return is_object() ? dynamic_cast<T*>(&object()) : nullptr;
  }
  // How many values share what this one refers to.
  long use_count() const { return shared_.use_count(); }
  // Why it is undefined.
  std::string absence_message() const;

  // As Python's type(x).__name__ says it: "str", "NoneType".
  std::string type_name() const;
  // How many levels of lists, dicts and objects lie under it; 0 for plain values.
  int depth() const;
  // Python's `is`.
  bool same_as(const Value& other) const;

 private:
  enum class Kind : uint8_t { undefined, none, boolean, integer, real, string, list, dict, object };

  Kind kind_ = Kind::undefined;
  union {
    int64_t integer = 0;
    double real;
  } plain_;
  std::shared_ptr<const void> shared_;  // Absence, String, List, Dict or Object
};

// Memory charged to a rendering; constants of the template itself are charged to nobody.
class Charge {
 public:
  Charge(Runtime* runtime, size_t n_bytes) : runtime_(runtime), n_bytes_(n_bytes) {
    if (runtime_ != nullptr) runtime_->take(n_bytes_);
  }
  ~Charge() {
    if (runtime_ != nullptr) runtime_->give_back(n_bytes_);
  }
  Charge(const Charge&) = delete;
  Charge& operator=(const Charge&) = delete;

 private:
  Runtime* runtime_;
  size_t n_bytes_;
};

struct String {
  String(Runtime* runtime, std::string bytes, bool is_safe);

  size_t length() const { return length_; }  // characters
  bool is_ascii() const { return length_ == text.size(); }

  const std::string text;  // valid UTF-8
  const bool markup;       // marked safe for HTML: what is added to it gets escaped

 private:
  Charge charge_;
  size_t length_;
};

enum class ListKind : uint8_t {
  list,
  tuple,
  group,  // a tuple (grouper, list) of the groupby filter
};

struct List {
  List(Runtime* runtime, std::vector<Value> values, ListKind list_kind);

  const std::vector<Value> items;
  const ListKind kind;
  const int depth;
  const int64_t weight;  // values in it and in the lists in it, each as often as it occurs

 private:
  Charge charge_;
};

// An order of all values that can be keys; equal ones are equivalent.
struct KeyLess {
  using is_transparent = void;
  bool operator()(const Value& a, const Value& b) const;
  bool operator()(const Value& a, std::string_view b) const;
  bool operator()(std::string_view a, const Value& b) const;
};
// Throws Failure(value) unless it can be the key of a dict; charges what a search for it costs.
void check_key(Runtime& runtime, const Value& key);

// Keys in the order of their first insertion.  Equal numbers are one key, whatever their type.
class Dict {
 public:
  using Entry = std::pair<Value, Value>;

  // Of equal keys the first keeps its place and the last its value.  The caller has checked the keys.
  Dict(Runtime* runtime, std::vector<Entry> entries);

  const std::vector<Entry>& entries() const { return entries_; }
  size_t size() const { return entries_.size(); }
  // nullptr when there is no such key.  The caller has checked the key.
  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
  int depth() const { return depth_; }

 private:
  template <typename Key>
  std::optional<size_t> position(const Key& key) const;

  // A tree, not a hash table: keys may be chosen by an enemy.
  std::vector<Entry> entries_;
  std::map<Value, uint32_t, KeyLess> index_;  // key -> position; empty while comparing them all is quicker
  int depth_ = 1;
  Charge charge_;
};

// Arguments of a call.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

class Iterator {
 public:
  virtual ~Iterator() = default;
  // The next item; false at the end.
  virtual bool next(Value& item) = 0;
};

// Everything that is not plain data.
class Object {
 public:
  virtual ~Object() = default;

  virtual std::string type_name() const = 0;
  // Python's repr.
  virtual std::string repr(Runtime& runtime) const;
  virtual bool truth(Runtime& runtime) const;
  virtual bool equals(Runtime& runtime, Object& other) { return static_cast<void>(runtime), this == &other; }
  // Nothing when Python's len() refuses it.
  virtual std::optional<int64_t> length(Runtime& runtime);
  // Nothing when there is no such attribute.  Names that start with '_' are never asked for.
  virtual std::optional<Value> attribute(Runtime& runtime, std::string_view name, const ObjectRef& self);
  // object[key]; nothing when Python raises TypeError or LookupError.
  virtual std::optional<Value> item(Runtime& runtime, const Value& key);
  // nullptr when it cannot be iterated.
  virtual std::unique_ptr<Iterator> iterate(Runtime& runtime, const ObjectRef& self);
  virtual bool callable() const { return false; }
  virtual Value call(Runtime& runtime, const Arguments& arguments);
  virtual int depth() const { return 1; }
};

// Makers of values that are charged to the rendering.
Value make_string(Runtime& runtime, std::string text, bool markup = false);
Value make_string(Runtime& runtime, Text& text, bool markup = false);
Value make_list(Runtime& runtime, std::vector<Value> items);
Value make_tuple(Runtime& runtime, std::vector<Value> items);
Value make_dict(Runtime& runtime, std::vector<Dict::Entry> entries);
// Constants of a template.
Value constant_string(std::string text);

}  // namespace tidemill::jinja
