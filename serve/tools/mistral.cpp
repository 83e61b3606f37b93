// Mistral: [TOOL_CALLS][{"name": ..., "arguments": {...}}, ...], and since 2025 [TOOL_CALLS]name[ARGS]{...}, once for
// each.  https://docs.mistral.ai/guides/tokenization
#include "serve/tools/formats.h"
#include "serve/tools/marked_calls.h"

namespace tidemill::serve {

bool is_mistral(std::string_view source) {
  return source.find("[TOOL_CALLS]") != std::string_view::npos;
}

std::unique_ptr<CallParser> make_mistral(IsTool is_tool) {
  return std::make_unique<MarkedCalls>(Markers{.open = "[TOOL_CALLS]", .arguments = "[ARGS]"}, std::move(is_tool));
}

}  // namespace tidemill::serve
