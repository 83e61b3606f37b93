#include <nlohmann/json.hpp>

#include "text/jinja/json_text.h"

namespace tidemill::jinja {
namespace {

// Builds values from nlohmann's events: its own document type would hold everything a second time.
class ValueBuilder : public nlohmann::json_sax<nlohmann::json> {
 public:
  Value result() { return std::move(result_); }

  bool null() override { return add(None()); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(int64_t{value}); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<uint64_t>(INT64_MAX)) fail_value("JSON: a whole number does not fit in 64 bits");
    return add(static_cast<int64_t>(value));
  }
  bool number_float(number_float_t value, const string_t& text) override {
    if (text.find_first_of(".eE") == string_t::npos) fail_value("JSON: a whole number does not fit in 64 bits");
    return add(value);
  }
  bool string(string_t& value) override { return add(text(std::move(value))); }
  bool binary(binary_t&) override { return false; }
  bool start_object(size_t) override { return open(true); }
  bool start_array(size_t) override { return open(false); }
  bool key(string_t& name) override {
    open_.back().key = text(std::move(name));
    return true;
  }
  bool end_object() override {
    auto entries = std::move(open_.back().entries);
    open_.pop_back();
    return add(DictRef(std::make_shared<const Dict>(nullptr, std::move(entries))));
  }
  bool end_array() override {
    auto items = std::move(open_.back().items);
    open_.pop_back();
    return add(ListRef(std::make_shared<const List>(nullptr, std::move(items), ListKind::list)));
  }
  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception&) override {
    fail_value("JSON: not valid at byte " + std::to_string(position));
  }

 private:
  struct Open {
    bool is_object;
    Value key;
    std::vector<Dict::Entry> entries;
    std::vector<Value> items;
  };

  static Value text(std::string bytes) {
    return StringRef(std::make_shared<const String>(nullptr, std::move(bytes), false));
  }

  bool open(bool is_object) {
    if (open_.size() >= static_cast<size_t>(kMaxNesting))
      fail_value("JSON: nested deeper than " + std::to_string(kMaxNesting) + " levels");
    open_.push_back({is_object, {}, {}, {}});
    return true;
  }

  bool add(Value value) {
    if (open_.empty())
      result_ = std::move(value);
    else if (open_.back().is_object)
      open_.back().entries.emplace_back(std::move(open_.back().key), std::move(value));
    else
      open_.back().items.push_back(std::move(value));
    return true;
  }

  std::vector<Open> open_;
  Value result_;
};

}  // namespace

Value parse_json(std::string_view text) {
  ValueBuilder builder;
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) fail_value("JSON: not valid");
  return builder.result();
}

}  // namespace tidemill::jinja
