// Arguments matched with the parameters of a function, as Python does it.
#pragma once

#include <initializer_list>
#include <string_view>

#include "text/jinja/value.h"

namespace tidemill::jinja {

class Parameters {
 public:
  // `names` in order; the first `n_required` must be given.  Throws Failure(value) for missing, unknown, surplus and
  // doubled ones.  The arguments must outlive this.
  Parameters(std::string_view function, std::initializer_list<std::string_view> names, size_t n_required,
             const Arguments& arguments);

  // What was given for a parameter; nullptr when nothing was.
  const Value* find(size_t index) const { return given_[index]; }
  const Value& operator[](size_t index) const { return *given_[index]; }

  Value value_or(size_t index, const Value& otherwise) const { return given_[index] ? *given_[index] : otherwise; }
  bool truth_or(Runtime& runtime, size_t index, bool otherwise) const;
  // A whole number; throws Failure(value) when it is another type.
  int64_t int_or(size_t index, int64_t otherwise) const;
  // The text of a str; throws Failure(value) when it is another type.
  std::string_view text(size_t index) const;

 private:
  std::string_view function_;
  std::vector<const Value*> given_;
};

}  // namespace tidemill::jinja
