// "tools", "tool_choice" and "parallel_tool_calls" of a request.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/fields.h"
#include "serve/served_model.h"
#include "serve/tools/formats.h"

namespace tidemill::serve {

struct ToolOptions {
  nlohmann::ordered_json definitions =
      nlohmann::ordered_json::array();  // [{"type": "function", "function": {...}}]: templates' form
  const ToolFormat* format = nullptr;   // null: calls are not looked for
  bool is_parallel = true;              // several calls may be made at once
  // Of a call that has to be made: what the answer begins with, and what follows.
  std::string opening = {};
  std::optional<Grammar> grammar = {};

  bool has_tool(std::string_view name) const;
  // Null without a format.
  std::unique_ptr<CallParser> make_parser() const;
  // Special tokens that are part of calls.
  std::vector<int32_t> spoken_ids(const Tokenizer& tokenizer) const;
  // An id for a new call, unlike any other.
  std::string new_id() const;
};

// How an endpoint writes tools and choices down.
enum class ToolStyle {
  chat,       // {"type": "function", "function": {"name", "description", "parameters"}}
  responses,  // {"type": "function", "name", "description", "parameters"}
  messages,   // {"name", "description", "input_schema"}: Anthropic's
};

// `fields` are those of `body`.  Throws ApiError 400 for wrong fields, for a model whose template defines no format of
// calls, and for a forced call that cannot be held to its schema.
ToolOptions read_tools(const Fields& fields, const std::string& body, const ServedModel& model, ToolStyle style);

}  // namespace tidemill::serve
