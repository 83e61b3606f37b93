// strftime in the C locale.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "text/jinja/runtime.h"

namespace tidemill::jinja {

// `format` with its %-directives replaced, as Python's datetime.strftime does on Linux for a time without time zone.
std::string format_time(const CivilTime& time, std::string_view format);

// "2026-03-04", "2026-03-04T05:06:07" or "2026-03-04 05:06:07.25", a time zone behind it being ignored; nothing when
// it is none of these.
std::optional<CivilTime> parse_time(std::string_view text);

}  // namespace tidemill::jinja
