// For tests: what a template comes to.
#pragma once

#include <gtest/gtest.h>

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

inline void expect_texts(TemplateCases cases, const char* variables) {
  for (const auto& [source, text] : cases) EXPECT_EQ(outcome(source, variables), text) << source;
}

// Failures of the rendering, not of the parser.
inline void expect_failures(std::initializer_list<const char*> sources, const char* variables) {
  for (const char* source : sources) {
    const std::string text = outcome(source, variables);
    EXPECT_TRUE(text.starts_with("invalid_argument: chat template, line 1: ")) << source << ": " << text;
  }
}

}  // namespace tidemill::jinja
