// Conversation: messages and tools on their way to a model's chat template.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "serve/fields.h"
#include "serve/served_model.h"
#include "serve/tools/tool_options.h"

namespace tidemill::serve {

// "messages" as templates want them: contents are texts, arguments of calls are objects.  `messages` are the same with
// their keys in order.  Throws ApiError 400 naming
// the field for what is wrong and for contents that are not text.
nlohmann::ordered_json read_messages(const Fields& fields, nlohmann::ordered_json messages);

// The arguments of a call of an earlier answer, which come as a text.
nlohmann::ordered_json read_arguments(const Fields& call, std::string_view name);

// The text of a content: a string, null, or a list of parts of type "text" (or of one of `types`), line by line.
std::string read_content(const Fields& message, std::string_view name, std::initializer_list<std::string_view> types);

// The ids of what the model's template makes of them, before its answer.  `field` is what messages about them name.
std::vector<int32_t> render(const ServedModel& model, nlohmann::ordered_json messages, const ToolOptions& tools,
                            const std::string& field);

}  // namespace tidemill::serve
