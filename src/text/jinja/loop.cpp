#include "text/jinja/loop.h"

#include "text/jinja/operators.h"

namespace tidemill::jinja {
namespace {

// loop.cycle and loop.changed, ready to be called.
class LoopCall : public Object {
 public:
  LoopCall(ObjectRef loop, bool cycles) : loop_(std::move(loop)), cycles_(cycles) {}

  std::string type_name() const override { return "method"; }
  bool callable() const override { return true; }
  int depth() const override { return loop_->depth() + 1; }
  Value call(Runtime&, const Arguments& arguments) override {
    if (!arguments.named.empty()) fail_value("cycle() and changed() take no keyword arguments");
    auto& loop = static_cast<Loop&>(*loop_);
    return cycles_ ? loop.cycle(arguments) : Value(loop.changed(arguments));
  }

 private:
  ObjectRef loop_;
  bool cycles_;
};

}  // namespace

Loop::Loop(Runtime& runtime, std::unique_ptr<Iterator> items, std::optional<int64_t> length, int items_depth,
           Recurse recurse, int n_around)
    : runtime_(runtime),
      items_(std::move(items)),
      length_(length),
      depth_(items_depth + 1),
      recurse_(std::move(recurse)),
      n_around_(n_around) {
  if (depth_ > kMaxValueDepth) fail_limit("values nested too deeply");
}

bool Loop::has_next() {
  if (ahead_) return true;
  Value item;
  if (next_counted_ < counted_.size())
    item = std::move(counted_[next_counted_++]);
  else if (items_ == nullptr || !items_->next(item))
    return false;
  ahead_ = std::move(item);
  return true;
}

bool Loop::next(Value& item) {
  if (!has_next()) return false;
  item = std::move(*ahead_);
  ahead_.reset();
  ++index_;
  previous_ = std::move(current_);
  current_ = item;
  return true;
}

void Loop::finish() {
  items_.reset();
  counted_.clear();
  next_counted_ = 0;
  current_ = previous_ = Value();
  ahead_.reset();
  last_changed_.reset();
  recurse_ = nullptr;
}

int64_t Loop::count() {
  if (length_) return *length_;
  for (Value item; items_ && items_->next(item);) {
    runtime_.spend(1);
    counted_.push_back(std::move(item));
  }
  length_ = static_cast<int64_t>(counted_.size()) + index_ + 1 + (ahead_ ? 1 : 0);
  return *length_;
}

std::string Loop::repr(Runtime&) const {
  return "<LoopContext " + std::to_string(index_ + 1) + "/" + (length_ ? std::to_string(*length_) : "?") + ">";
}

std::optional<int64_t> Loop::length(Runtime&) {
  return count();
}

std::optional<Value> Loop::attribute(Runtime&, std::string_view name, const ObjectRef& self) {
  if (name == "index") return index_ + 1;
  if (name == "index0") return index_;
  if (name == "first") return index_ == 0;
  if (name == "last") return !has_next();
  if (name == "length") return count();
  if (name == "revindex") return count() - index_;
  if (name == "revindex0") return count() - index_ - 1;
  if (name == "depth") return n_around_ + 1;
  if (name == "depth0") return n_around_;
  if (name == "previtem") return index_ > 0 ? previous_ : Value::undefined({{}, {}, "there is no previous item"});
  if (name == "nextitem") return has_next() ? *ahead_ : Value::undefined({{}, {}, "there is no next item"});
  if (name == "cycle" || name == "changed") return ObjectRef(std::make_shared<LoopCall>(self, name == "cycle"));
  return std::nullopt;
}

Value Loop::call(Runtime&, const Arguments& arguments) {
  if (arguments.positional.size() != 1 || !arguments.named.empty()) fail_value("loop() takes what it shall run over");
  if (recurse_ == nullptr) fail_value("The loop must have the 'recursive' marker to be called recursively.");
  const Recurse recurse = recurse_;  // the loop may end while this runs
  return recurse(arguments.positional[0], n_around_ + 1);
}

Value Loop::cycle(const Arguments& arguments) const {
  if (arguments.positional.empty()) fail_value("no items for cycling given");
  return arguments.positional[static_cast<size_t>(index_) % arguments.positional.size()];
}

bool Loop::changed(const Arguments& arguments) {
  Value now = make_tuple(runtime_, arguments.positional);
  if (last_changed_ && equal(runtime_, *last_changed_, now)) return false;
  last_changed_ = std::move(now);
  return true;
}

}  // namespace tidemill::jinja
