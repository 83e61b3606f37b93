// What WebSockets (RFC 6455) of all routes have in common.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <memory>
#include <optional>
#include <string>

#include "serve/connection.h"
#include "serve/transport.h"

namespace tidemill::serve {

using Upgrade = boost::beast::http::request<boost::beast::http::string_body>;
using WebSocket = boost::beast::websocket::stream<Transport&>;

// What a connection becomes.  Its coroutines run on the connection's thread.
class WebSocketSession {
 public:
  virtual ~WebSocketSession() = default;
  // Accepts and serves until either side has enough.
  virtual boost::asio::awaitable<void> serve(Upgrade upgrade) = 0;
};

// The session that the route of `request`, whose headers stand for those of all messages, asks for.
std::shared_ptr<WebSocketSession> make_session(std::shared_ptr<Transport> stream, const HttpRequest& request,
                                               Connections& connections);

// Says yes: messages of text, up to 1 MiB, pings after 20 s of silence, and an end after 40 s.  False when the client
// has gone.
boost::asio::awaitable<bool> accept(WebSocket& socket, const Upgrade& upgrade);

// The next message; nothing when the client has gone, or has sent bytes, which is answered by closing.
boost::asio::awaitable<std::optional<std::string>> read_text(WebSocket& socket);

}  // namespace tidemill::serve
