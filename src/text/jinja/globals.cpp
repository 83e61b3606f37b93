#include "text/jinja/globals.h"

#include "text/jinja/arguments.h"
#include "text/jinja/namespace.h"
#include "text/jinja/objects.h"
#include "text/jinja/operators.h"
#include "text/jinja/strftime.h"

namespace tidemill::jinja {
namespace {

// cycler(a, b, ...): its items one after the other, again and again.
class Cycler : public Object {
 public:
  explicit Cycler(std::vector<Value> items) : items_(std::move(items)) {
    for (const Value& item : items_) depth_ = std::max(depth_, item.depth() + 1);
    if (depth_ > kMaxValueDepth) fail_limit("values nested too deeply");
  }

  std::string type_name() const override { return "Cycler"; }
  int depth() const override { return depth_; }
  std::optional<Value> attribute(Runtime&, std::string_view name, const ObjectRef& self) override;

  const Value& current() const { return items_[position_]; }
  void advance() { position_ = (position_ + 1) % items_.size(); }
  void reset() { position_ = 0; }

 private:
  std::vector<Value> items_;
  size_t position_ = 0;
  int depth_ = 1;
};

// A method of a cycler.
class CyclerCall : public Object {
 public:
  CyclerCall(ObjectRef cycler, bool resets) : cycler_(std::move(cycler)), resets_(resets) {}

  std::string type_name() const override { return "method"; }
  bool callable() const override { return true; }
  int depth() const override { return cycler_->depth() + 1; }
  Value call(Runtime&, const Arguments& arguments) override {
    const Parameters given("next, reset", {}, 0, arguments);
    auto& cycler = static_cast<Cycler&>(*cycler_);
    if (resets_) {
      cycler.reset();
      return None();
    }
    const Value value = cycler.current();
    cycler.advance();
    return value;
  }

 private:
  ObjectRef cycler_;
  bool resets_;
};

std::optional<Value> Cycler::attribute(Runtime&, std::string_view name, const ObjectRef& self) {
  if (name == "current") return current();
  if (name == "pos") return static_cast<int64_t>(position_);
  if (name == "next" || name == "reset") return ObjectRef(std::make_shared<CyclerCall>(self, name == "reset"));
  return std::nullopt;
}

// joiner(separator): nothing at the first call, then the separator.
class Joiner : public Object {
 public:
  explicit Joiner(Value separator) : separator_(std::move(separator)) {}

  std::string type_name() const override { return "Joiner"; }
  bool callable() const override { return true; }
  int depth() const override { return separator_.depth() + 1; }
  Value call(Runtime& runtime, const Arguments& arguments) override {
    const Parameters given("joiner", {}, 0, arguments);
    if (used_) return separator_;
    used_ = true;
    return make_string(runtime, "");
  }

 private:
  Value separator_;
  bool used_ = false;
};

Value make_range(Runtime&, const Arguments& arguments) {
  const Parameters given("range", {"start", "stop", "step"}, 1, arguments);
  const bool only_stop = given.find(1) == nullptr;
  const int64_t step = given.int_or(2, 1);
  if (step == 0) fail_value("range() arg 3 must not be zero");
  return ObjectRef(
      std::make_shared<Range>(only_stop ? 0 : given.int_or(0, 0), given.int_or(only_stop ? 0 : 1, 0), step));
}

// What dict(...) takes: another dict or a list of pairs, and names.
std::vector<Dict::Entry> dict_entries(Runtime& runtime, const Arguments& arguments) {
  if (arguments.positional.size() > 1)
    fail_value("dict expected at most 1 argument, got " + std::to_string(arguments.positional.size()));
  std::vector<Dict::Entry> entries;
  if (!arguments.positional.empty() && arguments.positional[0].is_dict()) {
    entries = arguments.positional[0].dict().entries();
  } else if (!arguments.positional.empty()) {
    for (const Value& pair : collect(runtime, arguments.positional[0])) {
      std::vector<Value> both = collect(runtime, pair);
      if (both.size() != 2)
        fail_value("dictionary update sequence element has length " + std::to_string(both.size()) + "; 2 is required");
      entries.emplace_back(std::move(both[0]), std::move(both[1]));
    }
  }
  for (const auto& [name, value] : arguments.named) entries.emplace_back(make_string(runtime, name), value);
  return entries;
}

Value call_dict(Runtime& runtime, const Arguments& arguments) {
  return make_dict(runtime, dict_entries(runtime, arguments));
}

Value call_namespace(Runtime& runtime, const Arguments& arguments) {
  return ObjectRef(Namespace::make(runtime, dict_entries(runtime, arguments)));
}

Value call_cycler(Runtime&, const Arguments& arguments) {
  if (arguments.positional.empty() || !arguments.named.empty()) fail_value("at least one item has to be provided");
  return ObjectRef(std::make_shared<Cycler>(arguments.positional));
}

Value call_joiner(Runtime& runtime, const Arguments& arguments) {
  const Parameters given("joiner", {"sep"}, 0, arguments);
  return ObjectRef(std::make_shared<Joiner>(given.find(0) ? given[0] : make_string(runtime, ", ")));
}

Value raise_exception(Runtime& runtime, const Arguments& arguments) {
  const Parameters given("raise_exception", {"message"}, 1, arguments);
  throw Failure(Cause::raised, to_text(runtime, given[0]));
}

Value strftime_now(Runtime& runtime, const Arguments& arguments) {
  const Parameters given("strftime_now", {"format"}, 1, arguments);
  const std::string_view format = given.text(0);
  runtime.spend(static_cast<int64_t>(format.size()));
  if (format.size() > kMaxTextBytes / 32) Runtime::check_text_size(kMaxTextBytes + 1);
  return make_string(runtime, format_time(runtime.now(), format));
}

Value lipsum(Runtime&, const Arguments&) {
  fail_value("lipsum() is not supported");
}

struct Global {
  const char* name;
  Function::Body body;
};

constexpr Global kGlobals[] = {
    {"cycler", call_cycler},       {"dict", call_dict},
    {"joiner", call_joiner},       {"lipsum", lipsum},
    {"namespace", call_namespace}, {"raise_exception", raise_exception},
    {"range", make_range},         {"strftime_now", strftime_now},
};

}  // namespace

std::optional<Value> find_global(std::string_view name) {
  // Functions have no state, so one of each serves all renderings.
  static const std::vector<Value> functions = [] {
    std::vector<Value> made;
    for (const Global& global : kGlobals)
      made.push_back(ObjectRef(std::make_shared<Function>(global.name, global.body)));
    return made;
  }();
  for (size_t k = 0; k < functions.size(); ++k)
    if (name == kGlobals[k].name) return functions[k];
  return std::nullopt;
}

}  // namespace tidemill::jinja
