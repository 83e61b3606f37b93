#include "serve/web_socket.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

#include "serve/embedding_session.h"
#include "serve/routes.h"
#include "serve/socket_session.h"

namespace tidemill::serve {
namespace {

namespace net = boost::asio;
namespace websocket = boost::beast::websocket;
using namespace std::chrono_literals;

constexpr size_t kMostMessageBytes = size_t{1} << 20;
constexpr auto kAcceptTime = 10s;
constexpr auto kIdleTime = 40s;  // half of it after the last frame a ping is sent

}  // namespace

std::shared_ptr<WebSocketSession> make_session(std::shared_ptr<Transport> stream, const HttpRequest& request,
                                               Connections& connections) {
  if (request.route->scope == Scope::embed)
    return std::make_shared<EmbeddingSession>(std::move(stream), request, connections);
  return std::make_shared<SocketSession>(std::move(stream), request, connections);
}

net::awaitable<bool> accept(WebSocket& socket, const Upgrade& upgrade) {
  socket.next_layer().expires_never();
  socket.set_option(websocket::stream_base::timeout{kAcceptTime, kIdleTime, /*keep_alive_pings=*/true});
  socket.read_message_max(kMostMessageBytes);
  boost::system::error_code error;
  co_await socket.async_accept(upgrade, net::redirect_error(net::use_awaitable, error));
  socket.text(true);
  co_return !error;
}

}  // namespace tidemill::serve
