// A model that the server makes embeddings with.
#pragma once

#include <cstdint>
#include <string>

#include "tidemill/embedding_service.h"

namespace tidemill::serve {

struct ServedEmbedder {
  // Throws what Embedder::load throws.
  ServedEmbedder(std::string its_name, const std::string& path, const EngineOptions& options, int64_t max_tasks);

  std::string name;
  Embedder embedder;
  int64_t created;  // seconds since 1970
  EmbeddingService service;
};

}  // namespace tidemill::serve
