#include "text/jinja/symbols.h"

namespace tidemill::jinja {

Symbols::Symbols(const Symbols* parent, FunctionSymbols* function, std::string family)
    : parent_(parent), function_(function), level_(parent ? parent->level_ + 1 : 0) {
  prefix_ = std::move(family) + std::to_string(level_) + " ";
}

const Symbols::Place* Symbols::find_place(const std::string& name) const {
  for (const Symbols* symbols = this; symbols != nullptr; symbols = symbols->parent_)
    if (const auto found = symbols->places_.find(name); found != symbols->places_.end()) return &found->second;
  return nullptr;
}

Variable Symbols::seen_from_here(const Place& place) const {
  int hops = 0;
  for (const FunctionSymbols* function = function_; function != place.function; function = function->enclosing) ++hops;
  return {place.slot, hops};
}

int Symbols::define(const std::string& name, Scope::Load load, const std::string& resolve_name, const Place* source) {
  const int slot = function_->slot(prefix_ + name);
  places_[name] = {function_, slot};
  loads_[slot] = {slot, load, resolve_name, source ? seen_from_here(*source) : Variable()};
  return slot;
}

void Symbols::load(const std::string& name) {
  if (find_place(name) == nullptr) define(name, Scope::Load::resolve, name, nullptr);
}

bool Symbols::remember_store(const std::string& name) {
  if (!stores_.insert(name).second) return false;
  store_order_.push_back(name);
  return true;
}

void Symbols::store(const std::string& name) {
  remember_store(name);
  if (places_.count(name) != 0) return;
  const Place* outer = parent_ ? parent_->find_place(name) : nullptr;
  define(name, outer ? Scope::Load::alias : Scope::Load::undefined, {}, outer);
}

int Symbols::declare_parameter(const std::string& name) {
  remember_store(name);
  return define(name, Scope::Load::parameter, {}, nullptr);
}

void Symbols::settle_branches(size_t n_stores_before) {
  for (size_t k = n_stores_before; k < store_order_.size(); ++k) {
    const std::string& name = store_order_[k];
    const Place* outer = parent_ ? parent_->find_place(name) : nullptr;
    define(name, outer ? Scope::Load::alias : Scope::Load::resolve, outer ? std::string() : name, outer);
  }
}

Variable Symbols::find(const std::string& name) {
  load(name);
  return seen_from_here(*find_place(name));
}

Scope Symbols::scope() const {
  Scope scope;
  for (const auto& [slot, entry] : loads_) scope.entries.push_back(entry);
  return scope;
}

}  // namespace tidemill::jinja
