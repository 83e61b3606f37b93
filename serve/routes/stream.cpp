// GET /v1/stream and /v1/embeddings/stream: the doors of the WebSockets; what goes through them is SocketSession's and
// EmbeddingSession's.
#include "serve/api_error.h"
#include "serve/routes.h"

namespace tidemill::serve {

void get_stream(App&, const HttpRequest& request, const std::shared_ptr<Answer>& answer) {
  if (!request.is_websocket) throw ApiError(426, "this endpoint is a WebSocket", {}, "upgrade_required");
  answer->send({.status = 101, .content_type = "", .body = ""});
}

}  // namespace tidemill::serve
