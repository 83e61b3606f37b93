// Hermes, Qwen 2.5 and 3, SmolLM 3, Granite 4: <tool_call>{"name": ..., "arguments": {...}}</tool_call>, once for each.
// https://github.com/NousResearch/Hermes-Function-Calling
#include "serve/tools/formats.h"
#include "serve/tools/marked_calls.h"

namespace tidemill::serve {

// Qwen 3 Coder and GLM 4.5 write between the same tags what is no JSON.
bool is_hermes(std::string_view source) {
  const auto has = [&](std::string_view text) { return source.find(text) != std::string_view::npos; };
  return has("<tool_call>") && !has("<function=") && !has("<arg_key>");
}

std::unique_ptr<CallParser> make_hermes(IsTool is_tool) {
  return std::make_unique<MarkedCalls>(Markers{.open = "<tool_call>", .close = "</tool_call>"}, std::move(is_tool));
}

}  // namespace tidemill::serve
