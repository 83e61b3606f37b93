// App: what all routes share.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "serve/access.h"
#include "serve/http.h"
#include "serve/metrics.h"
#include "serve/rate_limiter.h"
#include "serve/served_model.h"

namespace tidemill::serve {

struct App {
  Access access;
  Metrics metrics;
  std::unique_ptr<RateLimiter> rate_limiter;  // none: everybody may ask as often as he likes
  EngineOptions engine_options;               // of models that are loaded later
  ServiceOptions service_options;             // likewise
  std::mutex loading;                         // one at a time
  ServedModels models;                        // after what they tell of their texts
  std::atomic<bool> is_loading = false;       // not all models are there yet
  std::atomic<bool> is_draining = false;      // nothing new is taken on
  std::atomic<int64_t> n_connections = 0;
};

// Answers a request by its route (match_route), also when it is wrong.  May wait for the processor (prompts become
// tokens here), so it is not for a thread that serves sockets.
void dispatch(App& app, HttpRequest request, const std::shared_ptr<Answer>& answer);

}  // namespace tidemill::serve
