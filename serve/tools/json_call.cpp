#include "serve/tools/json_call.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace tidemill::serve {
namespace {

bool is_space(char byte) {
  return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

// The text that a JSON string stands for; the string itself when it is broken.
std::string unquoted(const std::string& token) {
  const auto value = nlohmann::json::parse(token, nullptr, /*allow_exceptions=*/false);
  return value.is_string() ? value.get<std::string>() : token;
}

}  // namespace

JsonCall JsonCall::arguments_of(const IsTool& is_tool, std::string_view name, std::vector<Part>& parts) {
  JsonCall call(is_tool);
  call.is_bare_ = call.has_begun_ = true;
  call.key_ = "arguments";
  call.step_ = Step::value;
  parts.push_back({Part::Kind::call, std::string(name)});
  return call;
}

JsonCall::State JsonCall::push(char byte, std::vector<Part>& parts) {
  if (!has_begun_) text_ += byte;
  if (step_ == Step::value && depth_ == 0 && !is_in_string_ && token_.empty()) {
    if (!is_space(byte)) begin_value(byte, parts);
  } else if (step_ == Step::value || (step_ == Step::key && is_in_string_)) {
    push_value(byte, parts);
  } else if (!is_space(byte)) {
    push_between(byte, parts);
  }
  if (step_ == Step::failed) return State::failed;
  return step_ == Step::done ? State::done : State::open;
}

// Punctuation of the outer object.
void JsonCall::push_between(char byte, std::vector<Part>& parts) {
  if (step_ == Step::open_brace && byte == '{') {
    step_ = Step::key;
  } else if (step_ == Step::key && byte == '"') {
    is_in_string_ = true;
    token_ = byte;
  } else if (step_ == Step::colon && byte == ':') {
    step_ = Step::value;
    token_.clear();
  } else if (step_ == Step::comma && byte == ',') {
    step_ = Step::key;
  } else if (step_ == Step::comma && byte == '}') {
    end(parts);
  } else {
    step_ = Step::failed;
  }
}

void JsonCall::begin_value(char byte, std::vector<Part>& parts) {
  token_ = byte;
  if (is_arguments() && has_arguments_) {  // twice
    step_ = Step::failed;
    return;
  }
  if (byte == '"') {
    is_in_string_ = true;
  } else if (byte == '{' || byte == '[') {
    depth_ = 1;
  } else if (byte == '}' || byte == ',' || is_arguments()) {
    step_ = Step::failed;
    return;
  }
  if (is_arguments() && byte != '"') give({byte}, parts);
}

// A byte inside of a key or of a value.  Only strings and nesting matter: what they hold is for others to judge.
void JsonCall::push_value(char byte, std::vector<Part>& parts) {
  const bool is_nested = depth_ > 0;
  if (is_nested && is_arguments() && step_ == Step::value)
    give({byte}, parts);
  else if (!is_nested)
    token_ += byte;
  if (is_in_string_) {
    if (is_escaped_) {
      is_escaped_ = false;
    } else if (byte == '\\') {
      is_escaped_ = true;
    } else if (byte == '"') {
      is_in_string_ = false;
      if (!is_nested) end_value(parts);
    }
  } else if (byte == '"') {
    is_in_string_ = true;
  } else if (byte == '{' || byte == '[') {
    ++depth_;
  } else if (is_nested && (byte == '}' || byte == ']')) {
    if (--depth_ == 0) end_value(parts);
  } else if (!is_nested && (byte == ',' || byte == '}' || is_space(byte))) {  // a number or a word ends before it
    step_ = Step::comma;
    if (!is_space(byte)) push_between(byte, parts);
  }
}

void JsonCall::end_value(std::vector<Part>& parts) {
  if (step_ == Step::key) {
    key_ = unquoted(token_);
    step_ = Step::colon;
    return;
  }
  const bool is_string = token_[0] == '"';
  step_ = Step::comma;
  if (key_ == "name" && !has_begun_)
    is_string ? set_name(parts) : void(step_ = Step::failed);
  else if (is_arguments() && is_string)
    give(unquoted(token_), parts);  // some models write the object as a string
  token_.clear();
  if (is_bare_) step_ = Step::done;
}

void JsonCall::set_name(std::vector<Part>& parts) {
  const std::string name = unquoted(token_);
  if (!is_tool_(name)) {
    step_ = Step::failed;
    return;
  }
  has_begun_ = true;
  text_.clear();
  parts.push_back({Part::Kind::call, name});
  if (!arguments_.empty()) give(std::exchange(arguments_, {}), parts);
}

void JsonCall::give(std::string piece, std::vector<Part>& parts) {
  has_arguments_ = true;
  if (!has_begun_) {
    arguments_ += piece;
  } else if (!parts.empty() && parts.back().kind == Part::Kind::arguments) {
    parts.back().text += piece;
  } else {
    parts.push_back({Part::Kind::arguments, std::move(piece)});
  }
}

void JsonCall::end(std::vector<Part>& parts) {
  step_ = has_begun_ ? Step::done : Step::failed;
  if (has_begun_ && !has_arguments_) give("{}", parts);
}

}  // namespace tidemill::serve
