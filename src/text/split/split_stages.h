// Stages of a tokenizer.json that hand-written splitters know.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

#include "text/split/split_patterns.h"

namespace tidemill {

// The regular expression of a stage whose matches and what lies between them are pieces; empty for any other stage.
std::string_view isolating_pattern(const nlohmann::json& stage);

// Of `stages`, one after the other, the first two or more that one splitter does.
PatternSequence find_split_stages(std::span<const nlohmann::json> stages);

}  // namespace tidemill
