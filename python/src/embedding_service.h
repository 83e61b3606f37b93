// A service that streams and texts of asyncio's tasks share.
#pragma once

#include <memory>

#include "tidemill/embedding_service.h"

namespace tidemill::python {

struct SharedEmbeddingService {
  std::shared_ptr<EmbeddingService> service;  // never null
};

}  // namespace tidemill::python
