// Scopes: what a key or token allows.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tidemill::serve {

enum class Scope {
  none,  // asked by anybody, without a key
  list,  // asked by anybody with a key
  infer,
  embed,
  metrics,
  admin,
};

// "infer"; nothing for words that name no scope that can be given.
std::optional<Scope> scope_of(std::string_view name);
std::string_view name_of(Scope scope);

class Scopes {
 public:
  // What keys allow that say nothing of it: everything but admin.
  static Scopes usual() { return Scopes().with(Scope::infer).with(Scope::embed).with(Scope::metrics); }

  Scopes with(Scope scope) const { return Scopes(bits_ | 1u << static_cast<unsigned>(scope)); }
  bool allow(Scope scope) const { return scope <= Scope::list || (bits_ & 1u << static_cast<unsigned>(scope)) != 0; }

  Scopes() = default;

 private:
  explicit Scopes(unsigned bits) : bits_(bits) {}
  unsigned bits_ = 0;
};

// "infer,metrics".  Throws invalid_argument, beginning with `where`, for anything else.
Scopes parse_scopes(const std::string& text, const std::string& where);

}  // namespace tidemill::serve
