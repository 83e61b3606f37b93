// SocketSession: WebSocket /v1/stream (RFC 6455): several texts over one connection.  Each is a request of
// /v1/completions or /v1/chat/completions with an id; what it streams comes back with that id.
//   {"id": "a", "prompt": ..., ...}  or  {"id": "a", "messages": [...], ...}  or  {"id": "a", "cancel": true}
//   {"id": "a", "type": "chunk", "data": {...}}, ..., then "done", "cancelled", "response" with "data" (for "stream":
//   false), or "error" with "status" and "error"
//
// Threads: the coroutines run on the connection's thread, messages are read on a worker's, answers come on any.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "serve/web_socket.h"

namespace tidemill::serve {

class SocketAnswer;

class SocketSession : public WebSocketSession, public std::enable_shared_from_this<SocketSession> {
 public:
  // `request` is what asked for the upgrade: its headers stand for those of every text.
  SocketSession(std::shared_ptr<Transport> stream, HttpRequest request, Connections& connections);

  // Accepts and serves until either side has enough; then all texts are cancelled.
  boost::asio::awaitable<void> serve(Upgrade upgrade) override;

  // What follows may be called from any thread.  Sends a message about a text: `members` are more of its JSON, which
  // begin with a comma.  With `is_last` the text is over.
  void send(const std::string& id, const char* type, std::string_view members, bool is_last);

 private:
  boost::asio::awaitable<void> read();
  boost::asio::awaitable<void> write();
  void take(const std::string& message);
  void take_or_throw(const std::string& message, std::string& id);
  void start(const std::string& id, HttpRequest request);
  void cancel(const std::string& id);
  void end();
  void notify();

  Connections& connections_;
  HttpRequest request_;
  std::shared_ptr<Transport> stream_;
  WebSocket socket_;
  boost::asio::any_io_executor executor_;
  boost::asio::steady_timer outgoing_changed_, message_taken_;
  bool is_taking_ = false;  // a message is with a worker; only the connection's thread looks at it

  std::mutex mutex_;  // guards what follows
  std::map<std::string, std::shared_ptr<SocketAnswer>> running_;
  std::deque<std::string> outgoing_;
  size_t n_outgoing_bytes_ = 0;
  bool has_ended_ = false;
};

}  // namespace tidemill::serve
