// App: what all routes share.
#pragma once

#include <atomic>
#include <memory>

#include "serve/access.h"
#include "serve/http.h"
#include "serve/served_model.h"

namespace tidemill::serve {

struct App {
  ServedModels models;
  Access access;
  std::atomic<bool> is_draining = false;  // nothing new is taken on
};

// Answers a request by its route, also when it is wrong.  May wait for the processor (prompts become tokens here), so
// it is not for a thread that serves sockets.
void dispatch(App& app, HttpRequest request, const std::shared_ptr<Answer>& answer);

}  // namespace tidemill::serve
