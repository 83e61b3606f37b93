// What commands that write texts ask of the engine.
#pragma once

#include "cli/options.h"
#include "tidemill/engine.h"

namespace tidemill::cli {

// What -n, --stop, --speculate and the options of sampling say; without a prompt, and ended by Ctrl-C.  Throws
// Error(invalid_argument) for their values.
Request text_request(const Arguments& arguments);

}  // namespace tidemill::cli
