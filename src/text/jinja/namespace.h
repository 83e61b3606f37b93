// namespace(): the only thing a template can change.
#pragma once

#include <unordered_map>

#include "text/jinja/value.h"

namespace tidemill::jinja {

class Namespace : public Object {
 public:
  // Kept by the runtime until the rendering ends.
  static std::shared_ptr<Namespace> make(Runtime& runtime, const std::vector<Dict::Entry>& entries);

  void set(Runtime& runtime, const std::string& name, Value value);
  void clear() { std::unordered_map<std::string, Entry>().swap(entries_); }

  std::string type_name() const override { return "Namespace"; }
  std::string repr(Runtime& runtime) const override;
  std::optional<Value> attribute(Runtime& runtime, std::string_view name, const ObjectRef& self) override;

 private:
  struct Entry {
    size_t order;  // of the first assignment
    Value value;
    std::unique_ptr<Charge> charge;
  };

  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace tidemill::jinja
