// Exchange: the Answer of one request, between the threads that make it and the coroutine that writes it out.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

#include "serve/http.h"

namespace tidemill::serve {

class Exchange : public Answer, public std::enable_shared_from_this<Exchange> {
 public:
  explicit Exchange(const boost::asio::any_io_executor& connection) : executor_(connection), changed_(connection) {}

  void send(HttpResponse response) override;
  void begin_stream(std::string content_type) override;
  void write(std::string piece) override;
  void end_stream() override;
  void on_gone(std::function<void()> cancel) override;
  void set_client(const std::string& client) override;
  void add_headers(const Headers& headers) override;

  // What follows is for the connection's coroutine only.
  // A response, or the beginning of a stream, when there is one; waits until then or until the client has gone.
  boost::asio::awaitable<std::optional<HttpResponse>> head();
  bool is_stream() const { return is_stream_; }
  // All that waits to be written; empty at the end of the stream, and when the client has gone.
  boost::asio::awaitable<std::string> next_pieces();
  // The client has gone: nothing more is wanted.
  void mark_gone();
  bool is_gone() const;
  // Keeps something for as long as anybody may still answer.
  void hold(std::shared_ptr<const void> what) { held_ = std::move(what); }
  // Who asked; empty when nobody has said it.
  std::string client() const;

 private:
  void notify();
  boost::asio::awaitable<void> wait_for_change();

  boost::asio::any_io_executor executor_;
  std::shared_ptr<const void> held_;
  boost::asio::steady_timer changed_;

  mutable std::mutex mutex_;  // guards what follows
  std::optional<HttpResponse> head_;
  bool is_stream_ = false, has_ended_ = false, is_gone_ = false;
  bool is_awaited_ = false;  // the coroutine waits for a change
  std::string pieces_, client_;
  Headers headers_;
  std::function<void()> cancel_;
};

}  // namespace tidemill::serve
