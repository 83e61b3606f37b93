#include "serve/tools/marked_calls.h"

#include <utility>

namespace tidemill::serve {
namespace {

constexpr size_t kLongestName = 128;

bool is_space(char byte) {
  return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

}  // namespace

void MarkedCalls::feed(std::string_view text, std::vector<Part>& parts) {
  for (const char byte : text) push(byte, parts);
}

void MarkedCalls::push(char byte, std::vector<Part>& parts) {
  switch (place_) {
    case Place::text:
      if (text_.push(byte, parts)) place_ = Place::opened;
      break;
    case Place::opened:
      open(byte, parts);
      break;
    case Place::name:
      push_name(byte, parts);
      break;
    case Place::call:
      push_call(byte, parts);
      break;
    case Place::between:
      push_between(byte, parts);
      break;
    case Place::closing:
      close(byte, parts);
      break;
  }
}

// The first byte behind the marker decides what follows.
void MarkedCalls::open(char byte, std::vector<Part>& parts) {
  taken_ += byte;
  if (is_space(byte)) return;
  if (byte == '[' && !is_list_) {
    is_list_ = true;
  } else if (byte == '{') {
    place_ = Place::call;
    call_.emplace(is_tool_);
    taken_.pop_back();  // the call keeps its own text
    push_call(byte, parts);
  } else if (!markers_.arguments.empty() && !is_list_) {
    place_ = Place::name;
  } else {
    give_up(parts);
  }
}

void MarkedCalls::push_name(char byte, std::vector<Part>& parts) {
  std::string_view name = taken_;
  if (byte != '{') {
    taken_ += byte;
    if (taken_.size() > kLongestName) give_up(parts);
    return;
  }
  while (!name.empty() && is_space(name.front())) name.remove_prefix(1);
  if (name.ends_with(markers_.arguments)) name.remove_suffix(markers_.arguments.size());
  name = name.substr(0, name.find('['));  // "name[CALL_ID]id"
  while (!name.empty() && is_space(name.back())) name.remove_suffix(1);
  if (!is_tool_(name)) {
    taken_ += byte;
    return give_up(parts);
  }
  call_.emplace(JsonCall::arguments_of(is_tool_, name, parts));
  place_ = Place::call;
  push_call(byte, parts);
}

void MarkedCalls::push_call(char byte, std::vector<Part>& parts) {
  const JsonCall::State state = call_->push(byte, parts);
  if (call_->has_begun()) {
    has_calls_ = true;
    taken_.clear();
  }
  if (state == JsonCall::State::failed) return give_up(parts);
  if (state == JsonCall::State::open) return;
  call_.reset();
  place_ = is_list_ ? Place::between : Place::closing;
}

void MarkedCalls::push_between(char byte, std::vector<Part>& parts) {
  if (is_space(byte)) return;
  if (byte == ',') {
    place_ = Place::opened;
  } else {
    is_list_ = false;
    place_ = Place::closing;
    if (byte != ']') close(byte, parts);
  }
}

// White space and the closing marker; anything else is text again.
void MarkedCalls::close(char byte, std::vector<Part>& parts) {
  if (taken_.empty() && is_space(byte)) return;
  taken_ += byte;
  if (!markers_.close.empty() && markers_.close.starts_with(taken_)) {
    if (taken_.size() == markers_.close.size()) {
      taken_.clear();
      place_ = Place::text;
    }
    return;
  }
  place_ = Place::text;
  for (const char again : std::exchange(taken_, {})) push(again, parts);
}

// What looked like a call is text.
void MarkedCalls::give_up(std::vector<Part>& parts) {
  if (!call_ || !call_->has_begun()) {
    give_text(markers_.open + taken_ + (call_ ? call_->text() : ""), parts);
  }
  taken_.clear();
  call_.reset();
  is_list_ = false;
  place_ = Place::text;
}

void MarkedCalls::finish(std::vector<Part>& parts) {
  const bool is_call_unnamed = place_ == Place::opened || place_ == Place::name || (call_ && !call_->has_begun());
  if (is_call_unnamed && !(place_ == Place::opened && has_calls_)) give_up(parts);
  text_.finish(!has_calls_, parts);
}

}  // namespace tidemill::serve
