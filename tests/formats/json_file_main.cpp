// json_file_tool: for each line with a path on stdin one line, the document of that file or "error: ...", for
// tests/formats/test_json_file.py.  Numbers that JSON lacks are written as transformers writes them.
#include <cmath>
#include <iostream>

#include "formats/json_file.h"
#include "tidemill/error.h"

namespace {

using nlohmann::json;

void tag_floats(json& value) {
  if (value.is_structured()) {
    for (json& child : value) tag_floats(child);
  } else if (value.is_number_float() && !std::isfinite(value.get<double>())) {
    const double number = value.get<double>();
    value = {{"__float__", std::isnan(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity"}};
  }
}

}  // namespace

int main() {
  for (std::string path; std::getline(std::cin, path);) {
    try {
      json document = tidemill::read_json_file(path);
      tag_floats(document);
      std::cout << document.dump() << '\n';
    } catch (const tidemill::Error& error) {
      std::cout << "error: " << tidemill::printable(error.what()) << '\n';
    }
  }
}
