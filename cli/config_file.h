// Configuration files: options from TOML, and options as TOML.  Which keys there are, and what they may hold, is said
// by the same table as flags and environment.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "cli/options.h"

namespace tidemill::cli {

// What `path` gives to options, by their flags.  Throws not_found, and bad_file with the line for what is not TOML, for
// a key that no option has (naming the nearest one), and for a value of the wrong type or out of range.
std::map<std::string, std::vector<std::string>> read_config(const std::string& path, std::span<const Option> options);

// A configuration file that says what `arguments` hold, with each key's help, flag and variable; secrets are left out.
std::string write_config(const Arguments& arguments, std::span<const Option> options);

}  // namespace tidemill::cli
