// text % values, as in C's printf.
#pragma once

#include "text/jinja/value.h"

namespace tidemill::jinja {

// `values` is a tuple of as many values as the format takes, a dict for %(name)s, or the one value.
// https://docs.python.org/3/library/stdtypes.html#printf-style-string-formatting
Value printf_format(Runtime& runtime, const Value& format, const Value& values);

}  // namespace tidemill::jinja
