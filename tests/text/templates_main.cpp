// Renders what tests/text/test_templates.py asks for: a line {"template": SOURCE, "variables": TEXT OF A JSON OBJECT,
// "now": TIME} of standard input is answered by a line {"text": ...} or {"error": ...}.

#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "tidemill/chat_template.h"
#include "tidemill/error.h"

namespace {

nlohmann::json answer(const nlohmann::json& line) {
  try {
    const tidemill::ChatTemplate chat_template(line.at("template").get<std::string>());
    return {{"text", chat_template.render(line.at("variables").get<std::string>(), {.now = line.at("now")})}};
  } catch (const tidemill::Error& error) {
    return {{"error", error.what()}};
  }
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) std::cout << answer(nlohmann::json::parse(line)).dump() << '\n';
}
