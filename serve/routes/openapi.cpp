// GET /openapi.json: what the endpoints are, for programs.
#include "serve/openapi.h"

#include "serve/routes.h"

namespace tidemill::serve {

void get_openapi(App&, const HttpRequest&, const std::shared_ptr<Answer>& answer) {
  answer->send({.body = openapi_document()});
}

}  // namespace tidemill::serve
