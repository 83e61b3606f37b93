// What clients say over the WebSocket /v1/embeddings/stream.
#pragma once

#include <optional>
#include <string>

#include "tidemill/embedding_stream.h"

namespace tidemill::serve {

struct EmbeddingMessage {
  std::string text = {};
  bool flushes = false, ends = false, cancels = false;
  // Of a stream that begins with it:
  std::optional<std::string> model = {};
  EmbeddingStreamOptions options = {};
};

// Throws ApiError 400.
EmbeddingMessage read_embedding_message(const std::string& message);

}  // namespace tidemill::serve
