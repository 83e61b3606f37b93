// The formats in which families of models write tool calls, one file for each.  A model's template tells which is its.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "serve/tools/call_parser.h"

namespace tidemill::serve {

struct ToolFormat {
  std::string_view name;
  bool (*is_of)(std::string_view source);  // of a chat template
  std::unique_ptr<CallParser> (*make_parser)(IsTool is_tool);
  std::span<const std::string_view> markers;  // that tokenizers may have as special tokens
  bool has_short_ids = false;                 // templates take calls' ids of nine letters and digits only
  // What stands before the JSON of a call, and what it calls the arguments.
  const char* opening = "";
  const char* arguments_name = "arguments";
};

// Null when the template defines no format that is known here.
const ToolFormat* find_tool_format(std::string_view source);

bool is_hermes(std::string_view source);
bool is_phi4(std::string_view source);
bool is_mistral(std::string_view source);
bool is_llama(std::string_view source);
bool is_lfm2(std::string_view source);
bool is_tool_code(std::string_view source);
std::unique_ptr<CallParser> make_hermes(IsTool is_tool);
std::unique_ptr<CallParser> make_phi4(IsTool is_tool);
std::unique_ptr<CallParser> make_mistral(IsTool is_tool);
std::unique_ptr<CallParser> make_llama(IsTool is_tool);
std::unique_ptr<CallParser> make_lfm2(IsTool is_tool);
std::unique_ptr<CallParser> make_tool_code(IsTool is_tool);

}  // namespace tidemill::serve
