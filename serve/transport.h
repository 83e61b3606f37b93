// Transport: what a connection reads and writes: a socket, with TLS around it or without.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/teardown.hpp>
#include <chrono>
#include <cstddef>
#include <string_view>
#include <utility>
#include <variant>

namespace tidemill::serve {

// Meets Asio's AsyncReadStream and AsyncWriteStream.
class Transport {
 public:
  using Plain = boost::beast::tcp_stream;
  using Encrypted = boost::beast::ssl_stream<Plain>;
  using executor_type = Plain::executor_type;

  // `tls` outlives this object; null: nothing is encrypted.
  Transport(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context* tls);

  executor_type get_executor() { return lowest().get_executor(); }
  boost::asio::ip::tcp::socket& socket() { return lowest().socket(); }
  // What is read and written from now on has to end by then.
  void expires_after(std::chrono::steady_clock::duration time) { lowest().expires_after(time); }
  void expires_never() { lowest().expires_never(); }
  // Ends the connection at once; what is being read and written fails.
  void close() { lowest().close(); }

  bool is_encrypted() const { return std::holds_alternative<Encrypted>(stream_); }
  // Agrees on keys, where there is TLS; false when the client cannot.
  boost::asio::awaitable<bool> begin();
  // Tells the client that nothing more will be written.
  boost::asio::awaitable<void> end();

  // Writes what can be written without waiting, which is nothing where there is TLS; returns how many bytes that was.
  size_t write_at_once(std::string_view text);

  template <typename Buffers, typename Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    if (auto* encrypted = std::get_if<Encrypted>(&stream_))
      return encrypted->async_read_some(buffers, std::forward<Token>(token));
    return std::get<Plain>(stream_).async_read_some(buffers, std::forward<Token>(token));
  }

  template <typename Buffers, typename Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    if (auto* encrypted = std::get_if<Encrypted>(&stream_))
      return encrypted->async_write_some(buffers, std::forward<Token>(token));
    return std::get<Plain>(stream_).async_write_some(buffers, std::forward<Token>(token));
  }

  // What Beast's WebSockets ask of a stream: how it ends, in good order and at once.
  template <typename Handler>
  friend void async_teardown(boost::beast::role_type role, Transport& transport, Handler&& handler) {
    using boost::beast::websocket::async_teardown;
    std::visit([&](auto& stream) { async_teardown(role, stream, std::forward<Handler>(handler)); }, transport.stream_);
  }
  friend void beast_close_socket(Transport& transport) { transport.close(); }

 private:
  Plain& lowest();

  std::variant<Plain, Encrypted> stream_;
};

}  // namespace tidemill::serve
