#include "serve/scope.h"

#include <sstream>

#include "tidemill/error.h"

namespace tidemill::serve {
namespace {

struct Row {
  Scope scope;
  std::string_view name;
};

constexpr Row kRows[] = {
    {Scope::infer, "infer"}, {Scope::embed, "embed"}, {Scope::metrics, "metrics"}, {Scope::admin, "admin"}};

}  // namespace

std::optional<Scope> scope_of(std::string_view name) {
  for (const Row& row : kRows)
    if (row.name == name) return row.scope;
  return std::nullopt;
}

std::string_view name_of(Scope scope) {
  for (const Row& row : kRows)
    if (row.scope == scope) return row.name;
  return "";
}

Scopes parse_scopes(const std::string& text, const std::string& where) {
  Scopes scopes;
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ',');) {
    const auto scope = scope_of(word);
    if (!scope)
      throw Error(ErrorCode::invalid_argument,
                  where + ": '" + word + "' is no scope; give some of infer,embed,metrics,admin");
    scopes = scopes.with(*scope);
  }
  return scopes;
}

}  // namespace tidemill::serve
