// AsyncEmbeddingStream: an EmbeddingStream for coroutines, which wait for it without a thread of their own.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <optional>
#include <string>

#include "tidemill/embedding_stream.h"

namespace tidemill::serve {

class AsyncEmbeddingStream {
 public:
  // Coroutines run on `executor`, of one thread, from which all functions are called; text is cut into chunks and
  // tokens on `workers`.  Throws what EmbeddingStream throws.
  AsyncEmbeddingStream(const boost::asio::any_io_executor& executor, boost::asio::thread_pool& workers,
                       EmbeddingService& service, const EmbeddingStreamOptions& options);
  ~AsyncEmbeddingStream();
  AsyncEmbeddingStream(const AsyncEmbeddingStream&) = delete;
  AsyncEmbeddingStream& operator=(const AsyncEmbeddingStream&) = delete;

  // As EmbeddingStream's functions of these names; writers one at a time, and readers likewise.
  boost::asio::awaitable<void> write(std::string text);
  boost::asio::awaitable<void> flush();
  boost::asio::awaitable<void> finish();
  boost::asio::awaitable<std::optional<EmbeddingEvent>> read();
  void cancel() { stream_.cancel(); }
  EmbeddingStreamStatistics statistics() const { return stream_.statistics(); }

 private:
  boost::asio::awaitable<void> wait_for_change();

  boost::asio::any_io_executor executor_;
  boost::asio::thread_pool& workers_;
  std::shared_ptr<boost::asio::steady_timer> changed_;  // never expires: it is cancelled to wake who waits
  EmbeddingStream stream_;
};

}  // namespace tidemill::serve
