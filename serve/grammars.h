// What a request says its answer must be: response_format, and grammar, which llama.cpp's server takes.
#pragma once

#include <optional>
#include <string>

#include "serve/fields.h"
#include "tidemill/engine.h"

namespace tidemill::serve {

// `body` is the request as it was written: the order of a schema's properties is that of the answer.  Throws ApiError
// 400, whose param is the path of what is wrong or cannot be enforced.
std::optional<Grammar> read_grammar(const Fields& fields, const std::string& body, const Engine& engine);

}  // namespace tidemill::serve
