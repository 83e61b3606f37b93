// Gemma, by templates that ask for it: a block of code, ```tool_code, with calls as Python's.
// https://ai.google.dev/gemma/docs/capabilities/function-calling
#include "serve/tools/formats.h"
#include "serve/tools/python_calls.h"

namespace tidemill::serve {

bool is_tool_code(std::string_view source) {
  return source.find("tool_code") != std::string_view::npos;
}

std::unique_ptr<CallParser> make_tool_code(IsTool is_tool) {
  return std::make_unique<PythonCalls>("```tool_code", "```", std::move(is_tool));
}

}  // namespace tidemill::serve
