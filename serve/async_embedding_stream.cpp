#include "serve/async_embedding_stream.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <string_view>

#include "serve/into.h"

namespace tidemill::serve {
namespace {

namespace net = boost::asio;

}  // namespace

AsyncEmbeddingStream::AsyncEmbeddingStream(const net::any_io_executor& executor, net::thread_pool& workers,
                                           EmbeddingService& service, const EmbeddingStreamOptions& options)
    : executor_(executor),
      workers_(workers),
      changed_(std::make_shared<net::steady_timer>(executor, net::steady_timer::time_point::max())),
      stream_(service, options) {
  // What changes is seen by whoever looks after this has been told, and all look on the executor's thread: nobody
  // misses it between his look and his wait.
  stream_.on_change([executor, changed = changed_] { net::post(executor, [changed] { changed->cancel(); }); });
}

AsyncEmbeddingStream::~AsyncEmbeddingStream() {
  stream_.cancel();
}

net::awaitable<void> AsyncEmbeddingStream::wait_for_change() {
  boost::system::error_code ignored;
  co_await changed_->async_wait(into(ignored));
}

net::awaitable<void> AsyncEmbeddingStream::write(std::string text) {
  size_t n_taken = 0;
  while (n_taken < text.size()) {
    const auto offer = [this, rest = std::string_view(text).substr(n_taken)]() -> net::awaitable<size_t> {
      co_return stream_.offer(rest);
    };
    const size_t n = co_await net::co_spawn(workers_, offer, net::use_awaitable);
    n_taken += n;
    if (n == 0 && !stream_.has_room()) co_await wait_for_change();
  }
}

net::awaitable<void> AsyncEmbeddingStream::flush() {
  const auto flush = [this]() -> net::awaitable<void> {
    stream_.flush();
    co_return;
  };
  co_await net::co_spawn(workers_, flush, net::use_awaitable);
}

net::awaitable<void> AsyncEmbeddingStream::finish() {
  const auto finish = [this]() -> net::awaitable<void> {
    stream_.finish();
    co_return;
  };
  co_await net::co_spawn(workers_, finish, net::use_awaitable);
}

net::awaitable<std::optional<EmbeddingEvent>> AsyncEmbeddingStream::read() {
  while (true) {
    std::optional<EmbeddingEvent> event = stream_.take();
    if (event.has_value()) co_return event;
    if (stream_.has_ended()) co_return std::nullopt;
    co_await wait_for_change();
  }
}

}  // namespace tidemill::serve
