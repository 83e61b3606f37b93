#include "serve/served_embedder.h"

#include <ctime>
#include <utility>

namespace tidemill::serve {

ServedEmbedder::ServedEmbedder(std::string its_name, const std::string& path, const EngineOptions& options,
                               int64_t max_tasks)
    : name(std::move(its_name)),
      embedder(Embedder::load(path, options)),
      created(std::time(nullptr)),
      service(embedder, {.max_tasks = max_tasks}) {}

}  // namespace tidemill::serve
