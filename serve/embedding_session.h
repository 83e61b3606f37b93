// EmbeddingSession: WebSocket /v1/embeddings/stream: texts that come piece by piece to vectors of their chunks.
//   {"text": ..., "model", "chunk_by", "chunk_tokens", "overlap", "chunk_ms", "wait_ms", "aggregate", "dimensions",
//    "prompt_name"} begins a stream; {"text": ...} goes on, {"flush": true} ends a chunk, {"end": true} the stream,
//   {"cancel": true} ends it at once.
//   {"type": "embedding", "index", "text", "bytes", "tokens", "embedding", ...}, then {"type": "done", "statistics"}
//   or "cancelled", after which another stream may begin; {"type": "error", "status", "error"}
// A message is read when the one before has been taken: a client that does not read its vectors is not read from.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <string>

#include "serve/async_embedding_stream.h"
#include "serve/web_socket.h"

namespace tidemill::serve {

struct EmbeddingMessage;

class EmbeddingSession : public WebSocketSession, public std::enable_shared_from_this<EmbeddingSession> {
 public:
  EmbeddingSession(std::shared_ptr<Transport> stream, HttpRequest request, Connections& connections);

  boost::asio::awaitable<void> serve(Upgrade upgrade) override;

 private:
  // A stream of texts, and who keeps its model.
  struct Running {
    ServedModels::Lease lease;
    ServedEmbedder& model;
    AsyncEmbeddingStream stream;
    bool is_cancelled = false;
  };

  boost::asio::awaitable<void> read();
  boost::asio::awaitable<void> take(std::string message);
  boost::asio::awaitable<void> begin(const EmbeddingMessage& message);
  boost::asio::awaitable<void> write(std::shared_ptr<Running> running);
  boost::asio::awaitable<void> send(std::string message);
  boost::asio::awaitable<void> wait_for_change();
  void count(const Running& running, const EmbeddingEvent& event);
  void end_gently();
  void end();

  Connections& connections_;
  HttpRequest request_;
  std::shared_ptr<Transport> transport_;
  WebSocket socket_;
  boost::asio::any_io_executor executor_;
  boost::asio::steady_timer changed_;  // never expires: it is cancelled to wake who waits
  std::shared_ptr<Running> running_;   // none between streams
  bool is_sending_ = false, has_ended_ = false;
};

}  // namespace tidemill::serve
