#include "serve/tools/formats.h"

namespace tidemill::serve {
namespace {

constexpr std::string_view kHermes[] = {"<tool_call>", "</tool_call>"};
constexpr std::string_view kPhi4[] = {"<|tool_call|>", "<|/tool_call|>"};
constexpr std::string_view kMistral[] = {"[TOOL_CALLS]", "[ARGS]", "[CALL_ID]"};
constexpr std::string_view kLlama[] = {"<|python_tag|>"};
constexpr std::string_view kLfm2[] = {"<|tool_call_start|>", "<|tool_call_end|>"};

// The first that fits counts.
constexpr ToolFormat kFormats[] = {
    {"mistral", is_mistral, make_mistral, kMistral, true, "[TOOL_CALLS]["},
    {"hermes", is_hermes, make_hermes, kHermes, false, "<tool_call>\n"},
    {"phi4", is_phi4, make_phi4, kPhi4, false, "<|tool_call|>["},
    {"lfm2", is_lfm2, make_lfm2, kLfm2, false, "<|tool_call_start|>["},
    {"llama", is_llama, make_llama, kLlama, false, "", "parameters"},
    {"tool_code", is_tool_code, make_tool_code, {}, false, "```tool_code\n", "parameters"},
};

}  // namespace

const ToolFormat* find_tool_format(std::string_view source) {
  for (const ToolFormat& format : kFormats)
    if (format.is_of(source)) return &format;
  return nullptr;
}

}  // namespace tidemill::serve
