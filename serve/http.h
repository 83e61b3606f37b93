// What a request for HTTP and its answer are to everything in serve/ but the connection itself: plain values and one
// interface, so that routes know neither sockets nor Boost.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tidemill::serve {

// Names in lower case.
using Headers = std::map<std::string, std::string, std::less<>>;

struct HttpRequest {
  std::string method;
  std::string path;  // without the query
  Headers headers;
  std::string body;
  std::string client;                   // who asks, for taking turns: the name of the key, else the address
  bool is_websocket = false;            // asks to become one (RFC 6455)
  std::string id;                       // "req-...", in the answer's x-request-id
  const struct Route* route = nullptr;  // of the table; none for a path or method that nobody answers
  std::vector<std::string> parts;       // what the path's {} stood for, in order

  // Empty when there is none.
  std::string_view header(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  Headers headers = {};
};

// The answer to one request: either one response, or a stream of pieces.  All functions may be called from any thread
// and never wait: what the client does not read is kept, up to a limit at which it counts as gone.
class Answer {
 public:
  virtual ~Answer() = default;

  virtual void send(HttpResponse response) = 0;

  // Begins a stream of status 200, and goes on with it.
  virtual void begin_stream(std::string content_type) = 0;
  virtual void write(std::string piece) = 0;
  virtual void end_stream() = 0;

  // `cancel` is called once, on some thread, when the client goes away before the answer is complete; at once when it
  // has gone already.
  virtual void on_gone(std::function<void()> cancel) = 0;

  // Who asked, as logs tell it.
  virtual void set_client(const std::string&) {}
  // Headers that the answer has besides its own; before it begins.
  virtual void add_headers(const Headers&) {}
};

}  // namespace tidemill::serve
