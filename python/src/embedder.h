// What embedders are asked with.
#pragma once

#include <string>

#include "tidemill/embedder.h"

namespace tidemill::python {

// By its name, which the argument `argument` gave.  Throws invalid_argument.
LongText long_text(const std::string& name, const char* argument);

}  // namespace tidemill::python
