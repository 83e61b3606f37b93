// LFM2: <|tool_call_start|>[name(argument="value")]<|tool_call_end|>.
// https://huggingface.co/LiquidAI/LFM2-1.2B
#include "serve/tools/formats.h"
#include "serve/tools/python_calls.h"

namespace tidemill::serve {

bool is_lfm2(std::string_view source) {
  const auto has = [&](std::string_view text) { return source.find(text) != std::string_view::npos; };
  return has("<|tool_call_start|>") || has("<|tool_list_start|>");
}

std::unique_ptr<CallParser> make_lfm2(IsTool is_tool) {
  return std::make_unique<PythonCalls>("<|tool_call_start|>", "<|tool_call_end|>", std::move(is_tool));
}

}  // namespace tidemill::serve
