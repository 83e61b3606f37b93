#include "serve/tools/python_calls.h"

#include <algorithm>
#include <utility>

#include "serve/tools/python_literals.h"

namespace tidemill::serve {

void PythonCalls::feed(std::string_view text, std::vector<Part>& parts) {
  for (const char byte : text) {
    if (!is_inside_) {
      is_inside_ = text_.push(byte, parts);
      continue;
    }
    source_ += byte;
    if (!source_.ends_with(close_)) continue;
    const std::string source = std::exchange(source_, {});
    is_inside_ = false;
    end_calls(std::string_view(source).substr(0, source.size() - close_.size()), parts);
  }
}

void PythonCalls::end_calls(std::string_view source, std::vector<Part>& parts) {
  const auto calls = parse_python_calls(source);
  const auto is_known = [&](const PythonCall& call) { return is_tool_(call.name); };
  if (!calls || !std::all_of(calls->begin(), calls->end(), is_known))
    return give_text(text_.marker() + std::string(source) + close_, parts);
  has_calls_ = true;
  for (const PythonCall& call : *calls) {
    parts.push_back({Part::Kind::call, call.name});
    parts.push_back(
        {Part::Kind::arguments, call.arguments.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)});
  }
}

void PythonCalls::finish(std::vector<Part>& parts) {
  if (is_inside_) {  // the end may be what ended the text
    const auto calls = parse_python_calls(source_);
    calls ? end_calls(source_, parts) : give_text(text_.marker() + source_, parts);
  }
  text_.finish(!has_calls_, parts);
}

}  // namespace tidemill::serve
