// Prompts of requests: texts and lists of token ids.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "serve/served_model.h"

namespace tidemill::serve {

// The ids of a JSON list.  Throws ApiError 400 naming `field` for anything else and for ids outside the vocabulary.
std::vector<int32_t> read_ids(const nlohmann::json& list, int64_t vocab_size, const std::string& field);

struct Prompt {
  std::string text;  // as given, or what the given ids stand for
  std::vector<int32_t> ids;
};

// "prompt" of /v1/completions: a text, a list of ids, or a list of either of them.
std::vector<Prompt> read_prompts(const nlohmann::json& value, const ServedModel& model);

}  // namespace tidemill::serve
