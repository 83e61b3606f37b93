// Input: files and standard input, whole or line by line.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "cli/options.h"

namespace tidemill::cli {

// The whole of a file; "-" is standard input.  Throws not_found or io.
std::string read_all(const std::string& path);

// Calls `handle` for every line of standard input that is not empty, parsed as a JSON object, and prints the text that
// it returns as one line.  Throws bad_file with the line's number when a line is not a JSON object or a field has a
// wrong type; lines before it have been answered.
void answer_json_lines(const std::function<std::string(const nlohmann::json& line)>& handle);
// The same for those who answer JSON and need the line as it was written, too: the parsed one has lost the order of
// keys.
void answer_written_json_lines(
    const std::function<nlohmann::json(const nlohmann::json& line, const std::string& written)>& handle);

// What --prompt says, "-" being standard input, which is read without it, too, when it is no terminal.  Nothing where
// somebody sits before one.
std::optional<std::string> given_prompt(const Arguments& arguments);

}  // namespace tidemill::cli
