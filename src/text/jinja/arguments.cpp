#include "text/jinja/arguments.h"

#include <algorithm>

#include "text/jinja/operators.h"

namespace tidemill::jinja {

Parameters::Parameters(std::string_view function, std::initializer_list<std::string_view> names, size_t n_required,
                       const Arguments& arguments)
    : function_(function), given_(names.size()) {
  const auto fail = [&](const std::string& why) { fail_value(std::string(function) + "() " + why); };
  if (arguments.positional.size() > names.size())
    fail("takes at most " + std::to_string(names.size()) + " arguments (" +
         std::to_string(arguments.positional.size()) + " given)");
  for (size_t k = 0; k < arguments.positional.size(); ++k) given_[k] = &arguments.positional[k];
  for (const auto& [name, value] : arguments.named) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) fail("got an unexpected keyword argument '" + name + "'");
    const Value*& slot = given_[static_cast<size_t>(found - names.begin())];
    if (slot != nullptr) fail("got multiple values for argument '" + name + "'");
    slot = &value;
  }
  for (size_t k = 0; k < n_required; ++k)
    if (given_[k] == nullptr) fail("missing required argument '" + std::string(names.begin()[k]) + "'");
}

bool Parameters::truth_or(Runtime& runtime, size_t index, bool otherwise) const {
  return given_[index] ? truth(runtime, *given_[index]) : otherwise;
}

int64_t Parameters::int_or(size_t index, int64_t otherwise) const {
  if (given_[index] == nullptr) return otherwise;
  require_defined(*given_[index]);
  if (!given_[index]->is_integral())
    fail_value(std::string("'") + given_[index]->type_name() + "' object cannot be interpreted as an integer");
  return given_[index]->as_int();
}

std::string_view Parameters::text(size_t index) const {
  if (!given_[index]->is_string())
    fail_value(std::string(function_) + "() argument must be str, not " + given_[index]->type_name());
  return given_[index]->text();
}

}  // namespace tidemill::jinja
