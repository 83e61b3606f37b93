#include "serve/socket_session.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "serve/api_error.h"
#include "serve/generation.h"
#include "serve/into.h"
#include "serve/routes.h"
#include "serve/socket_answer.h"
#include "serve/socket_message.h"

namespace tidemill::serve {
namespace {

namespace net = boost::asio;

constexpr size_t kMostWaitingBytes = size_t{4} << 20;  // a client that lets so much wait has stopped reading
constexpr size_t kMostTexts = 16;

}  // namespace

SocketSession::SocketSession(std::shared_ptr<Transport> stream, HttpRequest request, Connections& connections)
    : connections_(connections),
      request_(std::move(request)),
      stream_(std::move(stream)),
      socket_(*stream_),
      executor_(stream_->get_executor()),
      outgoing_changed_(executor_),
      message_taken_(executor_) {
  request_.method = "POST";
  request_.headers["content-type"] = "application/json";
}

net::awaitable<void> SocketSession::serve(Upgrade upgrade) {
  const bool is_open = co_await accept(socket_, upgrade);
  if (!is_open) co_return;
  net::co_spawn(executor_, [self = shared_from_this()] { return self->write(); }, net::detached);
  co_await read();
  end();
  stream_->close();  // a message may be on its way to somebody who does not read
}

// One message at a time: a client that sends faster than they are read has to wait.
net::awaitable<void> SocketSession::read() {
  while (true) {
    std::optional<std::string> text = co_await read_text(socket_);
    if (!text.has_value()) co_return;
    is_taking_ = true;
    net::post(connections_.workers, [self = shared_from_this(), message = std::move(*text)] {
      self->take(message);
      net::post(self->executor_, [self] {
        self->is_taking_ = false;
        self->message_taken_.cancel();
      });
    });
    while (is_taking_) {
      message_taken_.expires_at(net::steady_timer::time_point::max());
      boost::system::error_code error;
      co_await message_taken_.async_wait(into(error));
    }
  }
}

net::awaitable<void> SocketSession::write() {
  while (true) {
    std::string message;
    {
      const std::lock_guard lock(mutex_);
      if (has_ended_) co_return;
      if (!outgoing_.empty()) {
        message = std::move(outgoing_.front());
        outgoing_.pop_front();
        n_outgoing_bytes_ -= message.size();
      }
    }
    boost::system::error_code error;
    if (message.empty()) {
      outgoing_changed_.expires_at(net::steady_timer::time_point::max());
      co_await outgoing_changed_.async_wait(into(error));
      continue;
    }
    co_await socket_.async_write(net::buffer(message), into(error));
    if (error) co_return;
  }
}

void SocketSession::take(const std::string& message) {
  std::string id;
  const auto refuse = [&](const ApiError& error) {
    const std::string body = error.body();
    const std::string status = ",\"status\":" + std::to_string(error.status());
    send(id, "error", status + "," + body.substr(1, body.size() - 2), false);
  };
  try {
    take_or_throw(message, id);
  } catch (const ApiError& error) {
    refuse(error);
  } catch (const std::exception& error) {
    refuse(ApiError(500, printable(error.what()), {}, "internal_error"));
  }
}

void SocketSession::take_or_throw(const std::string& message, std::string& id) {
  SocketMessage asked = read_socket_message(message, id);
  if (asked.cancels) return cancel(id);
  HttpRequest request = request_;
  request.path = std::move(asked.path);
  request.body = std::move(asked.body);
  match_route(request);
  start(id, std::move(request));
}

void SocketSession::start(const std::string& id, HttpRequest request) {
  const auto answer = std::make_shared<SocketAnswer>(weak_from_this(), id, connections_.app.models.lease());
  {
    const std::lock_guard lock(mutex_);
    if (has_ended_) return;
    if (running_.size() >= kMostTexts)
      throw ApiError(429, "more than " + std::to_string(kMostTexts) + " texts at once over one connection", "id",
                     "too_many_texts");
    if (!running_.emplace(id, answer).second)
      throw ApiError(400, "'id': is that of a text that is not over yet", "id", "invalid_value");
    ++connections_.n_answering;
  }
  dispatch(connections_.app, std::move(request), answer);
}

void SocketSession::cancel(const std::string& id) {
  std::shared_ptr<SocketAnswer> answer;
  {
    const std::lock_guard lock(mutex_);
    const auto found = running_.find(id);
    if (found == running_.end()) return;  // it may just have ended
    answer = found->second;
  }
  answer->cancel();
  send(id, "cancelled", "", true);
}

void SocketSession::send(const std::string& id, const char* type, std::string_view members, bool is_last) {
  std::string message = "{\"id\":" + (id.empty() ? "null" : to_text(id)) + ",\"type\":\"" + type + "\"";
  message.append(members).append("}");
  bool is_too_slow = false;
  {
    const std::lock_guard lock(mutex_);
    if (is_last && running_.erase(id) > 0) --connections_.n_answering;
    if (has_ended_) return;
    n_outgoing_bytes_ += message.size();
    outgoing_.push_back(std::move(message));
    is_too_slow = n_outgoing_bytes_ > kMostWaitingBytes;
  }
  if (is_too_slow)
    net::post(executor_, [self = shared_from_this()] { self->stream_->close(); });  // which ends its coroutines
  else
    notify();
}

void SocketSession::notify() {
  net::post(executor_, [self = shared_from_this()] { self->outgoing_changed_.cancel(); });
}

void SocketSession::end() {
  std::map<std::string, std::shared_ptr<SocketAnswer>> running;
  {
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
    running.swap(running_);
    connections_.n_answering -= static_cast<int64_t>(running.size());
    outgoing_.clear();
  }
  for (const auto& [id, answer] : running) answer->cancel();
  notify();
}

}  // namespace tidemill::serve
