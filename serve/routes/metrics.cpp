// GET /metrics: what Prometheus reads.
#include "serve/routes.h"

namespace tidemill::serve {

void get_metrics(App& app, const HttpRequest&, const std::shared_ptr<Answer>& answer) {
  answer->send({.content_type = "text/plain; version=0.0.4; charset=utf-8",
                .body = app.metrics.text(app.models, app.n_connections)});
}

}  // namespace tidemill::serve
