// The option that says how many tokens are guessed ahead.
#pragma once

#include <cstdint>

#include "cli/options.h"

namespace tidemill::cli {

inline constexpr Option kSpeculateOption = {
    .flag = "--speculate",
    .kind = OptionKind::text,
    .value_name = "N",
    .help =
        "guess N tokens ahead and verify them together, which changes no token; off; auto: as many as measure faster",
    .fallback = "auto"};

// As Request::speculate has it.  Throws Error(invalid_argument) for other words and for numbers out of range.
int32_t speculate(const Arguments& arguments);

}  // namespace tidemill::cli
