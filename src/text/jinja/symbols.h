// The names of one scope, as Jinja's idtracking module keeps them.
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "text/jinja/ast.h"

namespace tidemill::jinja {

// The template itself or a macro: what has variables of its own at run time.
struct FunctionSymbols {
  const FunctionSymbols* enclosing = nullptr;
  std::map<std::string, int> slots;  // by level and name: scopes side by side share them
  bool has_closures = false;

  int slot(const std::string& identifier) {
    return slots.emplace(identifier, static_cast<int>(slots.size())).first->second;
  }
};

class Symbols {
 public:
  // `family` keeps the variables of a loop's condition apart from those of its body.
  Symbols(const Symbols* parent, FunctionSymbols* function, std::string family = {});

  FunctionSymbols& function() const { return *function_; }

  void load(const std::string& name);
  void store(const std::string& name);
  int declare_parameter(const std::string& name);

  // What is stored in the branches of an {% if %} may stay unset: then the variable is the outer one.
  size_t n_stores() const { return store_order_.size(); }
  void settle_branches(size_t n_stores_before);

  // Where the variable is, seen from this scope.
  Variable find(const std::string& name);
  Scope scope() const;

 private:
  struct Place {
    const FunctionSymbols* function;
    int slot;
  };
  const Place* find_place(const std::string& name) const;
  int define(const std::string& name, Scope::Load load, const std::string& resolve_name, const Place* source);
  Variable seen_from_here(const Place& place) const;
  bool remember_store(const std::string& name);

  const Symbols* parent_;
  FunctionSymbols* function_;
  std::string prefix_;
  int level_;
  std::unordered_map<std::string, Place> places_;
  std::map<int, Scope::Entry> loads_;  // by slot
  std::set<std::string> stores_;
  std::vector<std::string> store_order_;
};

}  // namespace tidemill::jinja
