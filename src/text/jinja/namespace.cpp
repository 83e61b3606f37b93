#include "text/jinja/namespace.h"

#include <algorithm>

#include "text/jinja/operators.h"

namespace tidemill::jinja {

std::shared_ptr<Namespace> Namespace::make(Runtime& runtime, const std::vector<Dict::Entry>& entries) {
  auto made = std::make_shared<Namespace>();
  runtime.keep(made);
  for (const auto& [key, value] : entries) made->set(runtime, to_text(runtime, key), value);
  return made;
}

void Namespace::set(Runtime& runtime, const std::string& name, Value value) {
  const auto found = entries_.find(name);
  if (found != entries_.end()) {
    found->second.value = std::move(value);
    return;
  }
  auto charge = std::make_unique<Charge>(&runtime, sizeof(Entry) + name.size());
  const size_t order = entries_.size();
  entries_.emplace(name, Entry{order, std::move(value), std::move(charge)});
}

std::optional<Value> Namespace::attribute(Runtime&, std::string_view name, const ObjectRef&) {
  const auto found = entries_.find(std::string(name));
  return found == entries_.end() ? std::nullopt : std::optional<Value>(found->second.value);
}

std::string Namespace::repr(Runtime& runtime) const {
  std::vector<const std::pair<const std::string, Entry>*> ordered;
  for (const auto& entry : entries_) ordered.push_back(&entry);
  std::sort(ordered.begin(), ordered.end(), [](auto* a, auto* b) { return a->second.order < b->second.order; });
  Text text(runtime);
  text += "<Namespace {";
  for (const auto* entry : ordered) {
    if (entry != ordered.front()) text += ", ";
    append_repr(text, runtime, make_string(runtime, entry->first));
    text += ": ";
    append_repr(text, runtime, entry->second.value);
  }
  text += "}>";
  return text.take();
}

}  // namespace tidemill::jinja
