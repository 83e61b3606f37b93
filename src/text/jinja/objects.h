// Objects that Python's own functions make: ranges, views of dicts, generators, methods bound to their value.
#pragma once

#include <functional>

#include "text/jinja/value.h"

namespace tidemill::jinja {

// range(start, stop, step); step is not 0.
class Range : public Object {
 public:
  Range(int64_t start, int64_t stop, int64_t step);

  int64_t size() const { return size_; }
  int64_t at(int64_t index) const { return start_ + index * step_; }

  std::string type_name() const override { return "range"; }
  std::string repr(Runtime& runtime) const override;
  bool truth(Runtime&) const override { return size_ != 0; }
  std::optional<int64_t> length(Runtime&) override { return size_; }
  std::optional<Value> attribute(Runtime& runtime, std::string_view name, const ObjectRef& self) override;
  std::optional<Value> item(Runtime& runtime, const Value& key) override;
  std::unique_ptr<Iterator> iterate(Runtime& runtime, const ObjectRef& self) override;
  bool equals(Runtime& runtime, Object& other) override;

 private:
  int64_t start_, stop_, step_, size_;
};

enum class ViewOf { keys, values, items };

// dict.keys(), values() and items().
class DictView : public Object {
 public:
  DictView(DictRef dict, ViewOf what) : dict_(std::move(dict)), what_(what) {}

  std::string type_name() const override;
  std::string repr(Runtime& runtime) const override;
  bool truth(Runtime&) const override { return dict_->size() != 0; }
  std::optional<int64_t> length(Runtime&) override { return static_cast<int64_t>(dict_->size()); }
  std::unique_ptr<Iterator> iterate(Runtime& runtime, const ObjectRef& self) override;
  int depth() const override { return dict_->depth() + 1; }

  // What the view gives for an entry.
  Value element(Runtime& runtime, const Dict::Entry& entry) const;
  const Dict& dict() const { return *dict_; }

 private:
  DictRef dict_;
  ViewOf what_;
};

// Items that are made when they are asked for, and only once.
class Generator : public Object {
 public:
  using Next = std::function<bool(Value& item)>;

  // `source_depth` is the depth of what `next` draws from.
  Generator(Next next, int source_depth);

  std::string type_name() const override { return "generator"; }
  std::unique_ptr<Iterator> iterate(Runtime& runtime, const ObjectRef& self) override;
  int depth() const override { return depth_; }

  bool next(Value& item);

 private:
  Next next_;
  bool running_ = false;
  int depth_;
};

Value make_generator(Runtime& runtime, Generator::Next next, int source_depth);

// A function that templates may call.
class Function : public Object {
 public:
  using Body = Value (*)(Runtime& runtime, const Arguments& arguments);

  Function(const char* name, Body body) : name_(name), body_(body) {}

  std::string type_name() const override { return "function"; }
  std::string repr(Runtime&) const override { return std::string("<function ") + name_ + ">"; }
  bool callable() const override { return true; }
  Value call(Runtime& runtime, const Arguments& arguments) override { return body_(runtime, arguments); }

 private:
  const char* name_;
  Body body_;
};

}  // namespace tidemill::jinja
