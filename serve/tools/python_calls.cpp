#include "serve/tools/python_calls.h"

#include <algorithm>
#include <utility>

#include "serve/tools/python_literals.h"

namespace tidemill::serve {
namespace {

// An object, or a list that begins with one: no call of Python's begins so.
bool begins_json(std::string_view source) {
  const size_t first = source.find_first_not_of(" \t\r\n[");
  return first != std::string_view::npos && source[first] == '{';
}

}  // namespace

void PythonCalls::feed(std::string_view text, std::vector<Part>& parts) {
  for (const char byte : text) push(byte, parts);
}

void PythonCalls::push(char byte, std::vector<Part>& parts) {
  if (json_) return json_->feed({&byte, 1}, parts);
  if (!is_inside_) {
    is_inside_ = text_.push(byte, parts);
    return;
  }
  source_ += byte;
  if (byte == '{' && begins_json(source_)) {
    json_ = std::make_unique<MarkedCalls>(Markers{.open = text_.marker(), .close = close_}, is_tool_);
    return json_->feed(text_.marker() + source_, parts);
  }
  if (!source_.ends_with(close_)) return;
  const std::string source = std::exchange(source_, {});
  is_inside_ = false;
  end_calls(std::string_view(source).substr(0, source.size() - close_.size()), parts);
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
  if (json_) return json_->finish(parts);
  if (is_inside_) {  // the end may be what ended the text
    const auto calls = parse_python_calls(source_);
    calls ? end_calls(source_, parts) : give_text(text_.marker() + source_, parts);
  }
  text_.finish(!has_calls_, parts);
}

}  // namespace tidemill::serve
