#include "serve/exchange.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "serve/into.h"

namespace tidemill::serve {
namespace {

namespace net = boost::asio;

// A client that lets so much wait has stopped reading.
constexpr size_t kMostWaitingBytes = size_t{4} << 20;

}  // namespace

void Exchange::send(HttpResponse response) {
  {
    const std::lock_guard lock(mutex_);
    head_ = std::move(response);
    has_ended_ = true;
  }
  notify();
}

void Exchange::begin_stream(std::string content_type) {
  {
    const std::lock_guard lock(mutex_);
    head_ =
        HttpResponse{.content_type = std::move(content_type), .body = "", .headers = {{"cache-control", "no-cache"}}};
    is_stream_ = true;
  }
  notify();
}

void Exchange::write(std::string piece) {
  bool is_too_slow = false;
  {
    const std::lock_guard lock(mutex_);
    if (is_gone_) return;
    pieces_ += piece;
    is_too_slow = pieces_.size() > kMostWaitingBytes;
  }
  if (is_too_slow)
    net::post(executor_, [self = shared_from_this()] { self->mark_gone(); });
  else
    notify();
}

void Exchange::end_stream() {
  {
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
  }
  notify();
}

void Exchange::on_gone(std::function<void()> cancel) {
  {
    const std::lock_guard lock(mutex_);
    if (!is_gone_) {
      cancel_ = std::move(cancel);
      return;
    }
  }
  cancel();
}

void Exchange::mark_gone() {
  std::function<void()> cancel;
  {
    const std::lock_guard lock(mutex_);
    is_gone_ = true;
    if (!has_ended_) cancel = std::exchange(cancel_, nullptr);
  }
  if (cancel) cancel();
  changed_.cancel();
}

void Exchange::set_client(const std::string& client) {
  const std::lock_guard lock(mutex_);
  client_ = client;
}

void Exchange::add_headers(const Headers& headers) {
  const std::lock_guard lock(mutex_);
  headers_.insert(headers.begin(), headers.end());
}

std::string Exchange::client() const {
  const std::lock_guard lock(mutex_);
  return client_;
}

bool Exchange::is_gone() const {
  const std::lock_guard lock(mutex_);
  return is_gone_;
}

// The timer belongs to the connection's executor, which runs this only while the coroutine waits or computes nothing:
// a change between its look and its wait is not lost.
void Exchange::notify() {
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(is_awaited_, false)) return;  // it will look by itself
  }
  net::post(executor_, [self = shared_from_this()] { self->changed_.cancel(); });
}

net::awaitable<void> Exchange::wait_for_change() {
  changed_.expires_at(net::steady_timer::time_point::max());
  boost::system::error_code ignored;
  co_await changed_.async_wait(into(ignored));
}

net::awaitable<std::optional<HttpResponse>> Exchange::head() {
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (is_gone_) co_return std::nullopt;
      if (head_) {
        head_->headers.insert(headers_.begin(), headers_.end());
        co_return std::move(head_);
      }
      is_awaited_ = true;
    }
    co_await wait_for_change();
  }
}

net::awaitable<std::string> Exchange::next_pieces() {
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (is_gone_) co_return std::string();
      if (!pieces_.empty() || has_ended_) co_return std::exchange(pieces_, {});
      is_awaited_ = true;
    }
    co_await wait_for_change();
  }
}

}  // namespace tidemill::serve
