// str.format: "{} {name!r:>10}".
#pragma once

#include "text/jinja/value.h"

namespace tidemill::jinja {

// https://docs.python.org/3/library/string.html#format-string-syntax; attributes only as the sandbox allows.
Value str_format(Runtime& runtime, const Value& format, const Arguments& arguments);

}  // namespace tidemill::jinja
