#include "text/jinja/objects.h"

#include "text/jinja/methods.h"
#include "text/jinja/operators.h"

namespace tidemill::jinja {
namespace {

class RangeIterator : public Iterator {
 public:
  explicit RangeIterator(const Range& range) : range_(range) {}
  bool next(Value& item) override {
    if (index_ == range_.size()) return false;
    item = range_.at(index_++);
    return true;
  }

 private:
  const Range range_;
  int64_t index_ = 0;
};

class ViewIterator : public Iterator {
 public:
  ViewIterator(Runtime& runtime, ObjectRef view) : runtime_(runtime), view_(std::move(view)) {}
  bool next(Value& item) override {
    const auto& view = static_cast<const DictView&>(*view_);
    if (index_ == view.dict().size()) return false;
    item = view.element(runtime_, view.dict().entries()[index_++]);
    return true;
  }

 private:
  Runtime& runtime_;
  ObjectRef view_;
  size_t index_ = 0;
};

class GeneratorIterator : public Iterator {
 public:
  explicit GeneratorIterator(ObjectRef generator) : generator_(std::move(generator)) {}
  bool next(Value& item) override { return static_cast<Generator&>(*generator_).next(item); }

 private:
  ObjectRef generator_;
};

// Number of values from start to stop, without overflow.
int64_t count_steps(int64_t start, int64_t stop, int64_t step) {
  if (step > 0 ? start >= stop : start <= stop) return 0;
  const uint64_t distance = step > 0 ? static_cast<uint64_t>(stop) - static_cast<uint64_t>(start)
                                     : static_cast<uint64_t>(start) - static_cast<uint64_t>(stop);
  const uint64_t stride = step > 0 ? static_cast<uint64_t>(step) : uint64_t{0} - static_cast<uint64_t>(step);
  const uint64_t count = (distance - 1) / stride + 1;
  constexpr uint64_t kMaxRange = 100'000;  // as in Jinja's sandbox
  if (count > kMaxRange) fail_limit("a range of more than 100000 numbers");
  return static_cast<int64_t>(count);
}

}  // namespace

Range::Range(int64_t start, int64_t stop, int64_t step)
    : start_(start), stop_(stop), step_(step), size_(count_steps(start, stop, step)) {}

std::string Range::repr(Runtime&) const {
  std::string text = "range(" + std::to_string(start_) + ", " + std::to_string(stop_);
  if (step_ != 1) text += ", " + std::to_string(step_);
  return text + ")";
}

std::optional<Value> Range::attribute(Runtime&, std::string_view name, const ObjectRef&) {
  if (name == "start") return start_;
  if (name == "stop") return stop_;
  if (name == "step") return step_;
  return std::nullopt;
}

std::optional<Value> Range::item(Runtime&, const Value& key) {
  if (!key.is_integral()) return std::nullopt;
  const int64_t index = key.as_int() < 0 ? key.as_int() + size_ : key.as_int();
  if (index < 0 || index >= size_) return std::nullopt;
  return at(index);
}

std::unique_ptr<Iterator> Range::iterate(Runtime&, const ObjectRef&) {
  return std::make_unique<RangeIterator>(*this);
}

bool Range::equals(Runtime&, Object& other) {
  const auto* range = dynamic_cast<Range*>(&other);
  return range != nullptr && size_ == range->size_ &&
         (size_ == 0 || (start_ == range->start_ && (size_ == 1 || step_ == range->step_)));
}

std::string DictView::type_name() const {
  return what_ == ViewOf::keys ? "dict_keys" : what_ == ViewOf::values ? "dict_values" : "dict_items";
}

std::string DictView::repr(Runtime& runtime) const {
  Text text(runtime);
  text += type_name() + "([";
  for (const auto& entry : dict_->entries()) {
    if (&entry != &dict_->entries().front()) text += ", ";
    append_repr(text, runtime, element(runtime, entry));
  }
  text += "])";
  return text.take();
}

std::unique_ptr<Iterator> DictView::iterate(Runtime& runtime, const ObjectRef& self) {
  return std::make_unique<ViewIterator>(runtime, self);
}

Value DictView::element(Runtime& runtime, const Dict::Entry& entry) const {
  if (what_ == ViewOf::keys) return entry.first;
  if (what_ == ViewOf::values) return entry.second;
  return make_tuple(runtime, {entry.first, entry.second});
}

Generator::Generator(Next next, int source_depth) : next_(std::move(next)), depth_(source_depth + 1) {
  if (depth_ > kMaxValueDepth) fail_limit("generators nested too deeply");
}

std::unique_ptr<Iterator> Generator::iterate(Runtime&, const ObjectRef& self) {
  return std::make_unique<GeneratorIterator>(self);
}

bool Generator::next(Value& item) {
  if (running_) fail_value("generator already executing");
  running_ = true;
  const bool found = next_ != nullptr && next_(item);
  running_ = false;
  if (!found) next_ = nullptr;
  return found;
}

Value make_generator(Runtime& runtime, Generator::Next next, int source_depth) {
  runtime.step();
  return ObjectRef(std::make_shared<Generator>(std::move(next), source_depth));
}

}  // namespace tidemill::jinja
