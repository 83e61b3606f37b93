#include "serve/web_socket.h"

#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <chrono>

#include "serve/embedding_session.h"
#include "serve/into.h"
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
  co_await socket.async_accept(upgrade, into(error));
  socket.text(true);
  co_return !error;
}

net::awaitable<std::optional<std::string>> read_text(WebSocket& socket) {
  boost::beast::flat_buffer buffer;
  boost::system::error_code error;
  co_await socket.async_read(buffer, into(error));
  if (error) co_return std::nullopt;
  if (!socket.got_text()) {
    co_await socket.async_close({websocket::close_code::unknown_data, "messages are text"}, into(error));
    co_return std::nullopt;
  }
  co_return boost::beast::buffers_to_string(buffer.data());
}

}  // namespace tidemill::serve
