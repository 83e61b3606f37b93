// For tests: what a template comes to.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include "tidemill/chat_template.h"
#include "tidemill/error.h"

namespace tidemill::jinja {

using TemplateCases = std::initializer_list<std::pair<const char*, const char*>>;  // template, text

// The text, or "CODE: MESSAGE" when it is refused.
inline std::string outcome(const std::string& source, const std::string& variables = "{}") {
  try {
    return ChatTemplate(source).render(variables, {.now = "2026-03-04T05:06:07"});
  } catch (const Error& error) {
    return std::string(to_string(error.code())) + ": " + error.what();
  }
}

}  // namespace tidemill::jinja
