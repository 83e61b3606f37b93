// SchemaPath: where in a schema, for messages: "properties.name.anyOf.0".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "tidemill/grammar.h"

namespace tidemill::grammar {

class SchemaPath {
 public:
  SchemaPath() = default;
  explicit SchemaPath(std::string text) : text_(std::move(text)) {}

  SchemaPath operator/(std::string_view key) const {
    return SchemaPath(text_.empty() ? std::string(key) : text_ + "." + std::string(key));
  }
  SchemaPath operator/(size_t index) const { return *this / std::string_view(std::to_string(index)); }

  [[noreturn]] void fail(const std::string& why) const { throw GrammarError(text_, why); }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace tidemill::grammar
