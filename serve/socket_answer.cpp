#include "serve/socket_answer.h"

#include <utility>

namespace tidemill::serve {

void SocketAnswer::tell(const char* type, std::string_view members, bool is_last) {
  {
    const std::lock_guard lock(mutex_);
    if (is_over_) return;
    is_over_ = is_last;
  }
  if (const auto session = session_.lock()) session->send(id_, type, members, is_last);
}

void SocketAnswer::send(HttpResponse response) {
  if (response.status == 200) return tell("response", ",\"data\":" + response.body, true);
  const std::string status = ",\"status\":" + std::to_string(response.status);
  tell("error", status + "," + response.body.substr(1, response.body.size() - 2), true);  // {"error": {...}}
}

// Server-sent events, whole: "data: {...}" and an empty line after each.
void SocketAnswer::write(std::string piece) {
  constexpr std::string_view kData = "data: ", kEnd = "\n\n";
  std::string_view rest = piece;
  while (rest.starts_with(kData)) {
    const size_t end = rest.find(kEnd);
    const std::string_view data = rest.substr(kData.size(), end - kData.size());
    rest.remove_prefix(std::min(end + kEnd.size(), rest.size()));
    if (data.starts_with("{\"error\""))
      tell("error", ",\"status\":500," + std::string(data.substr(1, data.size() - 2)), true);
    else if (data.starts_with('{'))
      tell("chunk", ",\"data\":" + std::string(data), false);
  }
}

void SocketAnswer::end_stream() {
  tell("done", "", true);
}

void SocketAnswer::on_gone(std::function<void()> cancel) {
  {
    const std::lock_guard lock(mutex_);
    if (!is_over_) {
      cancel_ = std::move(cancel);
      return;
    }
  }
  cancel();
}

void SocketAnswer::cancel() {
  std::function<void()> cancel;
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    cancel = std::exchange(cancel_, nullptr);
  }
  if (cancel) cancel();
}

}  // namespace tidemill::serve
