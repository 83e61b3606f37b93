// Phi 4 mini: <|tool_call|>[{"name": ..., "arguments": {...}}, ...]<|/tool_call|>.  Granite 3 leaves out the end.
// https://huggingface.co/microsoft/Phi-4-mini-instruct
#include "serve/tools/formats.h"
#include "serve/tools/marked_calls.h"

namespace tidemill::serve {

bool is_phi4(std::string_view source) {
  return source.find("<|tool_call|>") != std::string_view::npos;
}

std::unique_ptr<CallParser> make_phi4(IsTool is_tool) {
  return std::make_unique<MarkedCalls>(Markers{.open = "<|tool_call|>", .close = "<|/tool_call|>"}, std::move(is_tool));
}

}  // namespace tidemill::serve
