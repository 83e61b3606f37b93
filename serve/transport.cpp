#include "serve/transport.h"

#include <sys/socket.h>

#include "serve/into.h"

namespace tidemill::serve {
namespace {

namespace net = boost::asio;
using net::ip::tcp;
using namespace std::chrono_literals;

constexpr auto kHandshakeTime = 10s;
constexpr auto kGoodbyeTime = 1s;

std::variant<Transport::Plain, Transport::Encrypted> stream_of(tcp::socket socket, net::ssl::context* tls) {
  if (tls == nullptr) return Transport::Plain(std::move(socket));
  return Transport::Encrypted(Transport::Plain(std::move(socket)), *tls);
}

}  // namespace

Transport::Transport(tcp::socket socket, net::ssl::context* tls) : stream_(stream_of(std::move(socket), tls)) {}

Transport::Plain& Transport::lowest() {
  if (auto* encrypted = std::get_if<Encrypted>(&stream_)) return encrypted->next_layer();
  return std::get<Plain>(stream_);
}

net::awaitable<bool> Transport::begin() {
  auto* encrypted = std::get_if<Encrypted>(&stream_);
  if (encrypted == nullptr) co_return true;
  boost::system::error_code error;
  expires_after(kHandshakeTime);
  co_await encrypted->async_handshake(net::ssl::stream_base::server, into(error));
  co_return !error;
}

net::awaitable<void> Transport::end() {
  boost::system::error_code ignored;
  if (auto* encrypted = std::get_if<Encrypted>(&stream_)) {
    expires_after(kGoodbyeTime);
    co_await encrypted->async_shutdown(into(ignored));
  }
  socket().shutdown(tcp::socket::shutdown_send, ignored);
}

size_t Transport::write_at_once(std::string_view text) {
  if (is_encrypted()) return 0;
  const ssize_t n = ::send(socket().native_handle(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  return n < 0 ? 0 : static_cast<size_t>(n);  // an error shows when the rest is written
}

}  // namespace tidemill::serve
