// A model that the server orders documents with.
#pragma once

#include <cstdint>
#include <string>

#include "serve/turn_queue.h"
#include "tidemill/reranker.h"

namespace tidemill::serve {

struct ServedReranker {
  // Throws what Reranker::load throws.
  ServedReranker(std::string its_name, const std::string& path, const EngineOptions& options, int64_t max_requests);

  std::string name;
  Reranker reranker;
  int64_t created;  // seconds since 1970
  TurnQueue queue;
};

}  // namespace tidemill::serve
