// The options of tidemill serve, and what they mean to the server.
#pragma once

#include <span>

#include "cli/options.h"
#include "serve/server.h"

namespace tidemill::cli {

std::span<const Option> serve_options();

// The arguments, with what the file named by --config says where they say nothing.
Arguments with_config_file(Arguments arguments);

// Throws invalid_argument where no model is named.
serve::ServerOptions server_options(const Arguments& arguments);

}  // namespace tidemill::cli
