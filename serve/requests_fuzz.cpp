// Fuzz target: any bytes as the body of a request, or as a message of a WebSocket.  Build: ./dev fuzz requests_fuzz.
//
// Input: a line that names an endpoint, such as "/v1/completions", or "socket"; then the body.  Checked: there is one
// answer, it is JSON or a stream, and its status is never 500.  Texts are cancelled as soon as they have begun.  Runs
// on tests/golden/gemma3/model.gguf, with a template that calls tools.

#include <atomic>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "serve/api_error.h"
#include "serve/app.h"
#include "serve/routes.h"
#include "serve/socket_message.h"

namespace {

using namespace tidemill;
using namespace tidemill::serve;

constexpr const char* kModel = TIDEMILL_SOURCE_DIR "/tests/golden/gemma3/model.gguf";
constexpr const char* kTemplate =
    "{% for tool in tools or [] %}<tool_call>{{ tool | tojson }}{% endfor %}"
    "{% for message in messages %}{{ message.role }}: {{ message.content }}"
    "{% for call in message.tool_calls or [] %}{{ call.function.arguments | tojson }}{% endfor %}\n{% endfor %}";

// The answer of a client that leaves as soon as it could wait for something.
class Leaving : public Answer {
 public:
  void send(HttpResponse response) override {
    begin();
    if (response.status == 500 || !nlohmann::json::accept(response.body)) std::abort();
  }
  void begin_stream(std::string) override { begin(); }
  void write(std::string) override {}
  void end_stream() override {}
  void on_gone(std::function<void()> cancel) override { cancel(); }

 private:
  void begin() {
    if (has_begun_.exchange(true)) std::abort();
  }
  std::atomic<bool> has_begun_ = false;
};

App& app() {
  static App* const app = [] {
    auto* made = new App;  // never destroyed: its threads run until the process ends
    made->models.add("model", kModel, {.threads = 1}, {.max_running = 4, .max_kept_bytes = 0});
    made->models.find("model").chat_template.emplace(kTemplate);
    return made;
  }();
  return *app;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const size_t line = input.find('\n');
  if (line == std::string::npos) return 0;
  HttpRequest request;
  request.method = "POST";
  request.path = input.substr(0, line);
  request.headers = {{"host", "localhost"}, {"content-type", "application/json"}};
  request.body = input.substr(line + 1);
  request.client = "fuzzer";
  try {
    if (request.path == "socket") {
      std::string id;
      SocketMessage message = read_socket_message(request.body, id);
      if (message.cancels) return 0;
      request.path = std::move(message.path);
      request.body = std::move(message.body);
    }
  } catch (const ApiError&) {
    return 0;
  }
  if (request.path == "/v1/models") return 0;  // would load any file
  match_route(request);
  dispatch(app(), std::move(request), std::make_shared<Leaving>());
  return 0;
}
