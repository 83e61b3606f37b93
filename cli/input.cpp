#include "cli/input.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "tidemill/error.h"

namespace tidemill::cli {

namespace {

// All that is left of `in`; by blocks, for byte by byte a gigabyte takes seconds.
std::string rest_of(std::istream& in) {
  constexpr size_t kBlock = size_t{1} << 20;
  std::string text;
  while (in) {
    const size_t n_before = text.size();
    text.resize(n_before + kBlock);
    in.read(text.data() + n_before, static_cast<std::streamsize>(kBlock));
    text.resize(n_before + static_cast<size_t>(in.gcount()));
  }
  return text;
}

}  // namespace

std::string read_all(const std::string& path) {
  if (path == "-") return rest_of(std::cin);
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    throw Error(ErrorCode::bad_file, path + ": is a folder; give a file");
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(ErrorCode::not_found, path + ": cannot be opened; check the name and its permissions");
  std::string text = rest_of(file);
  if (file.bad()) throw Error(ErrorCode::io, path + ": cannot be read");
  return text;
}

namespace {

void answer_lines(const std::function<std::string(const nlohmann::json& line, const std::string& written)>& handle) {
  std::string line;
  for (int64_t number = 1; std::getline(std::cin, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto fail = [&](const std::string& why) {
      throw Error(ErrorCode::bad_file, "standard input, line " + std::to_string(number) + ": " + why);
    };
    std::string answer;
    try {
      const auto parsed = nlohmann::json::parse(line);
      if (!parsed.is_object()) fail("is not a JSON object; give one object a line");
      answer = handle(parsed, line);
    } catch (const nlohmann::json::exception& problem) {
      fail(problem.what());
    }
    std::cout << answer << '\n';
  }
  std::cout.flush();
}

}  // namespace

void answer_json_lines(const std::function<std::string(const nlohmann::json& line)>& handle) {
  answer_lines([&](const nlohmann::json& line, const std::string&) { return handle(line); });
}

void answer_written_json_lines(
    const std::function<nlohmann::json(const nlohmann::json& line, const std::string& written)>& handle) {
  answer_lines([&](const nlohmann::json& line, const std::string& written) {
    return handle(line, written).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  });
}

std::optional<std::string> given_prompt(const Arguments& arguments) {
  if (arguments.has("--prompt") && arguments.text("--prompt") != "-") return arguments.text("--prompt");
  if (!arguments.has("--prompt") && isatty(STDIN_FILENO) != 0) return std::nullopt;
  return read_all("-");
}

}  // namespace tidemill::cli
