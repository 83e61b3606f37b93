// Truth, length, iteration and slices.

#include <algorithm>

#include "text/jinja/objects.h"
#include "text/jinja/operators.h"
#include "text/jinja/unicode.h"

namespace tidemill::jinja {
namespace {

class NoItems : public Iterator {
 public:
  bool next(Value&) override { return false; }
};

class ListIterator : public Iterator {
 public:
  explicit ListIterator(ListRef list) : list_(std::move(list)) {}
  bool next(Value& item) override {
    if (index_ == list_->items.size()) return false;
    item = list_->items[index_++];
    return true;
  }

 private:
  ListRef list_;
  size_t index_ = 0;
};

class KeyIterator : public Iterator {
 public:
  explicit KeyIterator(DictRef dict) : dict_(std::move(dict)) {}
  bool next(Value& item) override {
    if (index_ == dict_->size()) return false;
    item = dict_->entries()[index_++].first;
    return true;
  }

 private:
  DictRef dict_;
  size_t index_ = 0;
};

class CharacterIterator : public Iterator {
 public:
  CharacterIterator(Runtime& runtime, StringRef string) : runtime_(runtime), string_(std::move(string)) {}
  bool next(Value& item) override {
    if (position_ == string_->text.size()) return false;
    const size_t begin = position_;
    next_code_point(string_->text, position_);
    item = make_string(runtime_, string_->text.substr(begin, position_ - begin));
    return true;
  }

 private:
  Runtime& runtime_;
  StringRef string_;
  size_t position_ = 0;
};

struct SliceBounds {
  int64_t start, step;
  size_t count;
};

std::optional<int64_t> slice_index(const Value& value) {
  if (value.is_none()) return std::nullopt;
  require_defined(value);
  if (!value.is_integral()) fail_value("slice indices must be integers or None or have an __index__ method");
  return value.as_int();
}

// The indices that Python's slice.indices() gives, as a first one, a step and how many.
SliceBounds slice_bounds(int64_t size, const Value& start, const Value& stop, const Value& step_value) {
  const int64_t step = slice_index(step_value).value_or(1);
  if (step == 0) fail_value("slice step cannot be zero");
  const int64_t lowest = step > 0 ? 0 : -1, highest = step > 0 ? size : size - 1;
  const auto clamp = [&](std::optional<int64_t> index, int64_t otherwise) {
    if (!index) return otherwise;
    return std::clamp(*index < 0 ? *index + size : *index, lowest, highest);
  };
  const int64_t first = clamp(slice_index(start), step > 0 ? lowest : highest);
  const int64_t last = clamp(slice_index(stop), step > 0 ? highest : lowest);
  if (step > 0 ? first >= last : first <= last) return {first, step, 0};
  const uint64_t distance = static_cast<uint64_t>(step > 0 ? last - first : first - last);
  const uint64_t stride = step > 0 ? static_cast<uint64_t>(step) : uint64_t{0} - static_cast<uint64_t>(step);
  return {first, step, static_cast<size_t>((distance - 1) / stride + 1)};
}

Value slice_text(Runtime& runtime, const String& string, const SliceBounds& bounds) {
  const std::string_view text = string.text;
  // Characters of other widths than one byte must be counted one by one.
  runtime.spend_scan(string.is_ascii() ? 0 : text.size());
  if (bounds.count == 0) return make_string(runtime, "", string.markup);
  if (bounds.step == 1) {
    const auto first = static_cast<size_t>(bounds.start);
    const size_t begin = string.is_ascii() ? first : byte_offset(text, first);
    const size_t size = string.is_ascii() ? bounds.count : byte_offset(text.substr(begin), bounds.count);
    return make_string(runtime, std::string(text.substr(begin, size)), string.markup);
  }
  runtime.spend_characters(text.size());
  std::u32string characters;
  for (size_t position = 0; position < text.size();) characters += next_code_point(text, position);
  std::string out;
  for (size_t k = 0; k < bounds.count; ++k)
    append_code_point(out, characters[static_cast<size_t>(bounds.start + static_cast<int64_t>(k) * bounds.step)]);
  return make_string(runtime, std::move(out), string.markup);
}

}  // namespace

void require_defined(const Value& value) {
  if (value.is_undefined()) fail_value(value.absence_message());
}

bool truth(Runtime& runtime, const Value& value) {
  if (value.is_bool()) return value.as_bool();
  if (value.is_int()) return value.as_int() != 0;
  if (value.is_float()) return value.as_float() != 0;
  if (value.is_string()) return !value.text().empty();
  if (value.is_sequence()) return !value.items().empty();
  if (value.is_dict()) return value.dict().size() != 0;
  return value.is_object() && value.object().truth(runtime);
}

std::optional<int64_t> length(Runtime& runtime, const Value& value) {
  if (value.is_undefined()) return 0;
  if (value.is_string()) return static_cast<int64_t>(value.string().length());
  if (value.is_sequence()) return static_cast<int64_t>(value.items().size());
  if (value.is_dict()) return static_cast<int64_t>(value.dict().size());
  return value.is_object() ? value.object().length(runtime) : std::nullopt;
}

int64_t require_length(Runtime& runtime, const Value& value) {
  const auto found = length(runtime, value);
  if (!found) fail_value("object of type '" + value.type_name() + "' has no len()");
  return *found;
}

std::unique_ptr<Iterator> try_iterate(Runtime& runtime, const Value& value) {
  if (value.is_sequence()) return std::make_unique<ListIterator>(value.list_ref());
  if (value.is_dict()) return std::make_unique<KeyIterator>(value.dict_ref());
  if (value.is_string()) return std::make_unique<CharacterIterator>(runtime, value.string_ref());
  if (value.is_undefined()) return std::make_unique<NoItems>();
  return value.is_object() ? value.object().iterate(runtime, value.object_ref()) : nullptr;
}

std::unique_ptr<Iterator> iterate(Runtime& runtime, const Value& value) {
  auto items = try_iterate(runtime, value);
  if (items == nullptr) fail_value(std::string("'") + value.type_name() + "' object is not iterable");
  return items;
}

std::vector<Value> collect(Runtime& runtime, const Value& value) {
  const auto source = iterate(runtime, value);
  std::vector<Value> items;
  for (Value item; source->next(item);) {
    runtime.spend(1);
    items.push_back(std::move(item));
  }
  return items;
}

Value slice(Runtime& runtime, const Value& value, const Value& start, const Value& stop, const Value& step) {
  require_defined(value);
  if (value.object_as<Range>() != nullptr)
    return slice(runtime, make_list(runtime, collect(runtime, value)), start, stop, step);
  if (!value.is_string() && !value.is_sequence()) {
    if (value.is_dict()) fail_value("unhashable type: 'slice'");
    fail_value(std::string("'") + value.type_name() + "' object is not subscriptable");
  }
  const SliceBounds bounds = slice_bounds(require_length(runtime, value), start, stop, step);
  if (value.is_string()) return slice_text(runtime, value.string(), bounds);
  std::vector<Value> items;
  items.reserve(bounds.count);
  for (size_t k = 0; k < bounds.count; ++k)
    items.push_back(value.items()[static_cast<size_t>(bounds.start + static_cast<int64_t>(k) * bounds.step)]);
  return value.is_list() ? make_list(runtime, std::move(items)) : make_tuple(runtime, std::move(items));
}

}  // namespace tidemill::jinja
