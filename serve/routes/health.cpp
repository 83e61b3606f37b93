// GET /health: the process lives.  GET /ready: it takes requests.
#include <nlohmann/json.hpp>

#include "serve/routes.h"

namespace tidemill::serve {

void get_health(App&, const HttpRequest&, const std::shared_ptr<Answer>& answer) {
  answer->send({.body = R"({"status":"ok"})"});
}

void get_ready(App& app, const HttpRequest&, const std::shared_ptr<Answer>& answer) {
  const bool is_ready = !app.is_draining && !app.is_loading;
  answer->send({.status = is_ready ? 200 : 503,
                .body = nlohmann::json{{"status", is_ready          ? "ready"
                                                  : app.is_draining ? "draining"
                                                                    : "loading"}}
                            .dump()});
}

}  // namespace tidemill::serve
