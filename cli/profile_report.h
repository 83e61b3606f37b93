// A profile beside the roofs of the machine, as a table for people and as JSON.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "tidemill/profile.h"

namespace tidemill::cli {

// What was recorded while `n_tokens` tokens were read or written in `seconds`.
struct PhaseProfile {
  std::string_view name;  // "prefill"
  int64_t n_tokens = 0;
  double seconds = 0;
  Profile rows = {};
};

// To stdout.
void print_profile(const PhaseProfile& phase, const Roofs& roofs);

nlohmann::json profile_json(const PhaseProfile& phase, const Roofs& roofs);
nlohmann::json roofs_json(const Roofs& roofs);

}  // namespace tidemill::cli
