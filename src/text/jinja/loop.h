// The variable `loop` inside of {% for %}.
#pragma once

#include <functional>

#include "text/jinja/value.h"

namespace tidemill::jinja {

class Loop : public Object {
 public:
  // Runs a recursive loop over other items, within `n_around` loops; its text.
  using Recurse = std::function<Value(const Value& iterable, int n_around)>;

  // `length` is nothing when the items must be counted first, `recurse` nullptr when the loop is not recursive.
  Loop(Runtime& runtime, std::unique_ptr<Iterator> items, std::optional<int64_t> length, int items_depth,
       Recurse recurse, int n_around);

  // Moves on to the next item; false at the end.
  bool next(Value& item);
  // Lets go of everything: what the loop remembers may refer to the loop.
  void finish();

  std::string type_name() const override { return "LoopContext"; }
  std::string repr(Runtime& runtime) const override;
  std::optional<int64_t> length(Runtime& runtime) override;
  std::optional<Value> attribute(Runtime& runtime, std::string_view name, const ObjectRef& self) override;
  bool callable() const override { return true; }
  Value call(Runtime& runtime, const Arguments& arguments) override;
  int depth() const override { return depth_; }

  Value cycle(const Arguments& arguments) const;
  bool changed(const Arguments& arguments);

 private:
  int64_t count();
  bool has_next();

  Runtime& runtime_;
  std::unique_ptr<Iterator> items_;
  std::vector<Value> counted_;  // items that were read to count them
  size_t next_counted_ = 0;
  std::optional<int64_t> length_;
  int64_t index_ = -1;
  Value current_, previous_;
  std::optional<Value> ahead_;  // an item that was looked at before its turn
  std::optional<Value> last_changed_;
  int depth_;
  Recurse recurse_;
  int n_around_;
};

}  // namespace tidemill::jinja
