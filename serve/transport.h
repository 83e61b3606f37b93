// Transport: what a connection reads and writes: a socket, with TLS around it or without.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <chrono>
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

  // The stream itself; null where there is TLS.
  Plain* plain() { return std::get_if<Plain>(&stream_); }
  bool is_encrypted() const { return std::holds_alternative<Encrypted>(stream_); }
  // Agrees on keys, where there is TLS; false when the client cannot.
  boost::asio::awaitable<bool> begin();
  // Tells the client that nothing more will be written.
  boost::asio::awaitable<void> end();

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

 private:
  Plain& lowest();

  std::variant<Plain, Encrypted> stream_;
};

}  // namespace tidemill::serve
