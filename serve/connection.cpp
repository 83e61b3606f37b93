#include "serve/connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <chrono>
#include <cstdio>

#include "serve/api_error.h"
#include "serve/exchange.h"
#include "serve/into.h"
#include "serve/response_text.h"
#include "serve/routes.h"
#include "serve/transport.h"
#include "serve/web_socket.h"
#include "tidemill/stopwatch.h"
#include "tidemill/system.h"

namespace tidemill::serve {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using net::ip::tcp;
using namespace std::chrono_literals;

constexpr uint32_t kMostHeaderBytes = 64 << 10;
constexpr size_t kReadBytes = 4096;
constexpr auto kHeaderTime = 10s;  // from the first byte of a request; kIdleTime before that
constexpr auto kIdleTime = 75s;
constexpr auto kLingerTime = 2s;

constexpr int kNoContentStatus = 204;   // which has no length either
constexpr int kSwitchingStatus = 101;   // to a WebSocket, which says so itself
constexpr int kClientLeftStatus = 499;  // as logs of nginx have it: there was nobody to send one to

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

using Parser = http::request_parser<http::string_body>;

// Counts itself while it lives, also when a coroutine ends by an exception.
class Counted {
 public:
  explicit Counted(std::atomic<int64_t>& count) : count_(count) { ++count_; }
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  std::atomic<int64_t>& count_;
};

std::string next_id() {
  static std::atomic<uint64_t> last_id = 0;
  return "req-" + std::to_string(++last_id);
}

class Connection {
 public:
  Connection(tcp::socket socket, Connections& connections)
      : connections_(connections),
        client_time_(connections.limits.client_seconds),
        stream_(std::make_shared<Transport>(std::move(socket), connections.tls)) {
    boost::system::error_code ignored;
    const auto peer = stream_->socket().remote_endpoint(ignored);
    address_ = peer.address().to_string();
    stream_->socket().set_option(tcp::no_delay(true), ignored);  // a token is worth a packet
  }

  net::awaitable<void> serve() {
    bool goes_on = true;
    if (stream_->is_encrypted()) goes_on = co_await stream_->begin();
    while (goes_on) goes_on = co_await serve_one();
    if (socket_) co_return co_await socket_->serve(std::move(upgrade_));
    co_await stream_->end();
    if (has_refused_) co_await discard();
  }

 private:
  // One request and its answer; false when the connection ends with it.
  net::awaitable<bool> serve_one() {
    boost::system::error_code error;
    id_ = next_id();
    if (buffer_.size() == 0) {  // an idle connection may wait longer than one that has begun a request
      stream_->expires_after(kIdleTime);
      buffer_.commit(co_await stream_->async_read_some(buffer_.prepare(kReadBytes), into(error)));
      if (error) co_return false;
    }
    Parser parser;
    parser.header_limit(kMostHeaderBytes);
    parser.body_limit(static_cast<uint64_t>(connections_.limits.max_body_bytes));
    take_what_is_there(parser, error);
    if (!error && !parser.is_header_done()) {
      stream_->expires_after(kHeaderTime);
      co_await http::async_read_header(*stream_, buffer_, parser, into(error));
    }
    if (error) co_return co_await refuse(error);
    if (const auto refusal = refuse_header(parser)) co_return co_await write_last(*refusal);
    stream_->expires_after(client_time_);
    if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
      if (!co_await write_all(kContinue)) co_return false;
    }
    if (!parser.is_done()) co_await http::async_read(*stream_, buffer_, parser, into(error));
    if (error) co_return co_await refuse(error);
    co_return co_await answer_one(parser.release());
  }

  // Reads the header from bytes that have come already, which most headers have: waiting for what is there would take
  // a round through the queue of all connections.
  void take_what_is_there(Parser& parser, boost::system::error_code& error) {
    buffer_.consume(parser.put(buffer_.data(), error));
    if (error == http::error::need_more) error = {};
  }

  // What is wrong with a request whose body is not yet read.
  std::optional<HttpResponse> refuse_header(const Parser& parser) const {
    const auto& header = parser.get();
    if (header.count(http::field::host) != 1 && header.version() >= 11)
      return ApiError(400, "Host: exactly one is needed").response();
    if (header.count(http::field::content_length) > 0 && header.count(http::field::transfer_encoding) > 0)
      return ApiError(400, "Content-Length and Transfer-Encoding: only one of them may be given").response();
    if (const auto length = parser.content_length();
        length && *length > static_cast<uint64_t>(connections_.limits.max_body_bytes))
      return too_large();
    return std::nullopt;
  }

  HttpResponse too_large() const {
    return ApiError(413, "body: is larger than " + std::to_string(connections_.limits.max_body_bytes >> 20) + " MiB",
                    {}, "body_too_large")
        .response();
  }

  // After a request that could not be read; false: the connection ends.
  net::awaitable<bool> refuse(boost::system::error_code error) {
    if (error == http::error::end_of_stream || error == net::error::operation_aborted ||
        error.category() != http::make_error_code(http::error::end_of_stream).category())
      co_return false;  // the client left, or is too slow
    if (error == http::error::body_limit) co_return co_await write_last(too_large());
    if (error == http::error::header_limit)
      co_return co_await write_last(ApiError(431, "headers: are larger than 64 KiB").response());
    co_return co_await write_last(ApiError(400, "request: is not HTTP/1.1; " + error.message()).response());
  }

  net::awaitable<bool> answer_one(http::request<http::string_body> message) {
    version_ = message.version();
    keeps_alive_ = message.keep_alive();
    is_head_ = message.method() == http::verb::head;
    auto exchange = std::make_shared<Exchange>(co_await net::this_coro::executor);
    exchange->hold(connections_.app.models.lease());
    const bool is_websocket = beast::websocket::is_upgrade(message) && buffer_.size() == 0;
    if (is_websocket) upgrade_ = message;
    HttpRequest request = to_request(std::move(message));
    request.is_websocket = is_websocket;
    match_route(request);
    const Stopwatch since;
    cors_ = connections_.app.access.cors_headers(request);
    const Counted is_answering(connections_.n_answering);
    const Route* route = request.route;
    const std::string method = request.method, path = request.path;
    const HttpRequest door = is_websocket ? request : HttpRequest();
    // What computes nothing is answered here: handing it to another thread would cost more than answering it.
    const bool is_quick = route != nullptr && route->scope <= Scope::list;
    net::cancellation_signal stop_watching;
    if (is_quick) {
      dispatch(connections_.app, std::move(request), exchange);
    } else {
      net::post(connections_.workers, [&app = connections_.app, request = std::move(request), exchange]() mutable {
        dispatch(app, std::move(request), exchange);
      });
      watch(exchange, stop_watching);
    }
    const bool goes_on = co_await write_answer(*exchange);
    stop_watching.emit(net::cancellation_type::all);
    exchange->mark_gone();  // nothing written from now on is wanted
    tell(route, method, path, *exchange, goes_on, since);
    if (is_websocket && status_ == kSwitchingStatus) socket_ = make_session(stream_, door, connections_);
    const bool may_go_on = goes_on && keeps_alive_;
    co_return may_go_on && !connections_.app.is_draining;
  }

  // Counts and logs an answer.
  void tell(const Route* route, const std::string& method, const std::string& path, const Exchange& exchange,
            bool has_arrived, const Stopwatch& since) {
    const double seconds = since.seconds();
    connections_.app.metrics.count_request(route == nullptr ? "other" : method,
                                           route == nullptr ? "unknown" : route->path, status_, seconds);
    if (route != nullptr && route->scope == Scope::none) return;  // what is asked all the time and tells nothing
    const std::string client = exchange.client();
    connections_.log.answered({.id = id_,
                               .method = method,
                               .path = path,
                               .client = client.empty() ? address_ : client,
                               .status = status_,
                               .milliseconds = seconds * 1e3,
                               .has_gone = !has_arrived});
  }

  HttpRequest to_request(http::request<http::string_body>&& message) {
    HttpRequest request;
    request.method = std::string(message.method_string());
    if (is_head_) request.method = "GET";
    const std::string target(message.target());
    request.path = target.substr(0, target.find('?'));
    for (const auto& field : message) {
      std::string name(field.name_string());
      for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      request.headers.emplace(std::move(name), std::string(field.value()));
    }
    request.body = std::move(message.body());
    request.client = address_;
    request.id = id_;
    return request;
  }

  // Notices that the client goes away while its answer is made: the socket becomes readable without anything to read,
  // or with what TLS says as it ends.
  void watch(const std::shared_ptr<Exchange>& exchange, net::cancellation_signal& stop) {
    const auto look = [stream = stream_, exchange](boost::system::error_code error) {
      char byte = 0;
      if (error == net::error::operation_aborted) return;
      const auto n = ::recv(stream->socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
      pollfd ended = {.fd = stream->socket().native_handle(), .events = POLLRDHUP, .revents = 0};
      const bool has_ended =
          n > 0 && ::poll(&ended, 1, 0) > 0 && (ended.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
      if (n == 0 || has_ended || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)) exchange->mark_gone();
    };
    stream_->socket().async_wait(tcp::socket::wait_read, net::bind_cancellation_slot(stop.slot(), look));
  }

  net::awaitable<bool> write_answer(Exchange& exchange) {
    const auto head = co_await exchange.head();
    status_ = head ? head->status : kClientLeftStatus;
    if (!head || status_ == kSwitchingStatus) co_return false;
    if (!exchange.is_stream()) co_return co_await write(*head);
    co_return co_await write_stream(*head, exchange);
  }

  // Most of what is written the system takes at once, without a wait that has to be set up; the rest waits for the
  // client.
  net::awaitable<bool> write_all(std::string_view text) {
    text.remove_prefix(stream_->write_at_once(text));
    if (text.empty()) co_return true;
    boost::system::error_code error;
    stream_->expires_after(client_time_);
    co_await net::async_write(*stream_, net::buffer(text), into(error));
    co_return !error;
  }

  Framing framing() const {
    return {.version = version_, .keeps_alive = keeps_alive_ && !connections_.app.is_draining};
  }

  net::awaitable<bool> write(const HttpResponse& response) {
    Framing with_length = framing();
    if (response.status != kNoContentStatus) with_length.content_length = response.body.size();
    std::string text = head_text(response, id_, cors_, with_length);
    if (!is_head_) text += response.body;
    co_return co_await write_all(text);
  }

  // A response after which the connection ends, for the rest of the request is not read.
  net::awaitable<bool> write_last(const HttpResponse& response) {
    keeps_alive_ = false;
    has_refused_ = true;
    connections_.app.metrics.count_request("other", "unknown", response.status, 0);
    co_await write(response);
    co_return false;
  }

  // What a refused client still sends: closing with it unread would reset the connection, and with that the answer
  // could be lost.
  net::awaitable<void> discard() {
    std::array<char, 16 << 10> unread;
    boost::system::error_code error;
    stream_->expires_after(kLingerTime);  // for all of it
    while (!error) co_await stream_->async_read_some(net::buffer(unread), into(error));
  }

  // In chunks; a client of HTTP/1.0 sees the end of the connection instead.
  net::awaitable<bool> write_stream(const HttpResponse& head, Exchange& exchange) {
    Framing in_chunks = framing();
    in_chunks.is_chunked = version_ >= 11;
    keeps_alive_ = in_chunks.keeps_alive = in_chunks.keeps_alive && in_chunks.is_chunked;
    std::string text = head_text(head, id_, cors_, in_chunks);
    bool goes_on = co_await write_all(text);
    while (goes_on) {
      text = co_await exchange.next_pieces();
      if (text.empty()) break;
      // A variable, for g++ 12 destroys twice what the conditional operator makes in an awaited expression.
      if (in_chunks.is_chunked) text = chunk_text(text);
      goes_on = co_await write_all(text);
    }
    if (!goes_on || exchange.is_gone()) co_return false;
    if (!in_chunks.is_chunked) co_return true;
    co_return co_await write_all(kLastChunk);
  }

  Connections& connections_;
  std::chrono::seconds client_time_;
  std::shared_ptr<Transport> stream_;
  beast::flat_buffer buffer_;
  http::request<http::string_body> upgrade_;  // what asked for a WebSocket
  std::shared_ptr<WebSocketSession> socket_;  // what the connection becomes
  std::string address_, id_;
  Headers cors_;
  unsigned version_ = 11;
  int status_ = 0;  // of the answer
  bool keeps_alive_ = true, is_head_ = false, has_refused_ = false;
};

}  // namespace

net::awaitable<void> serve_connection(tcp::socket socket, Connections& connections) {
  const Counted is_open(connections.app.n_connections);
  Connection connection(std::move(socket), connections);
  co_await connection.serve();
}

}  // namespace tidemill::serve
