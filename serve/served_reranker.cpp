#include "serve/served_reranker.h"

#include <ctime>
#include <utility>

namespace tidemill::serve {

ServedReranker::ServedReranker(std::string its_name, const std::string& path, const EngineOptions& options,
                               int64_t max_requests)
    : name(std::move(its_name)),
      reranker(Reranker::load(path, options)),
      created(std::time(nullptr)),
      queue(max_requests) {}

}  // namespace tidemill::serve
