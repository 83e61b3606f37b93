// A template and the variables it is rendered with, as bytes from an enemy: TEMPLATE \0 JSON.

#include <cstdint>
#include <string_view>

#include "tidemill/chat_template.h"
#include "tidemill/error.h"

namespace {

constexpr std::string_view kVariables =
    R"({"messages":[{"role":"user","content":"hé <b>"},{"role":"assistant","content":null,"tool_calls":[{"id":"1",)"
    R"("function":{"name":"f","arguments":{"x":[1,2.5,true]}}}]},{"role":"tool","content":[{"type":"text","text":""}]}],)"
    R"("tools":[{"type":"function","function":{"name":"f"}}],"add_generation_prompt":true,"bos_token":"<s>",)"
    R"("eos_token":"</s>","n":3,"s":"a b","d":{"k":"v"},"l":[3,1,2]})";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = input.find('\0');
  const std::string_view variables = end == std::string_view::npos ? kVariables : input.substr(end + 1);
  try {
    const tidemill::ChatTemplate chat(input.substr(0, end));
    chat.render(variables, {.now = "2026-03-04T05:06:07"});
  } catch (const tidemill::Error& error) {
    if (*error.what() == '\0') __builtin_trap();  // refused, but with a message
  }
  return 0;
}
