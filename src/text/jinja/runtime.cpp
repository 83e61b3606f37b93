#include "text/jinja/runtime.h"

#include "text/jinja/frame.h"
#include "text/jinja/namespace.h"

namespace tidemill::jinja {

void fail_value(const std::string& why) {
  throw Failure(Cause::value, why);
}
void fail_limit(const std::string& why) {
  throw Failure(Cause::limit, why);
}

Runtime::~Runtime() {
  for (const auto& object : namespaces_) object->clear();
  for (const auto& frame : frames_) frame->clear();
}

void Runtime::take(size_t n_bytes) {
  if (n_bytes > kMaxLiveBytes - live_bytes_)
    fail_limit("its values need more than " + std::to_string(kMaxLiveBytes >> 20) + " MiB");
  live_bytes_ += n_bytes;
}

void Runtime::check_text_size(size_t n_bytes) {
  if (n_bytes > kMaxTextBytes) fail_limit("a text longer than " + std::to_string(kMaxTextBytes >> 20) + " MiB");
}

void Runtime::fail_steps() {
  fail_limit("it took more than " + std::to_string(kMaxSteps) + " steps");
}

std::string Text::take() {
  runtime_.give_back(text_.size());
  std::string text = std::move(text_);
  text_.clear();
  return text;
}

void Text::charge(size_t n_bytes) {
  if (n_bytes > kMaxTextBytes) Runtime::check_text_size(n_bytes);
  Runtime::check_text_size(text_.size() + n_bytes);
  runtime_.spend_bytes(n_bytes);
  runtime_.take(n_bytes);
}

}  // namespace tidemill::jinja
