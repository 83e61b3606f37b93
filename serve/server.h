// Server: models behind OpenAI's protocol.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "serve/jwt.h"
#include "serve/limits.h"
#include "serve/request_log.h"
#include "serve/tls_options.h"
#include "serve/token_bucket.h"
#include "tidemill/service.h"

namespace tidemill::serve {

struct ServerOptions {
  struct Model {
    std::string name;
    std::string path;  // or a name in the model store
  };
  std::vector<Model> models;
  std::vector<Model> deltas = {};  // fine-tunes of the first model
  std::string format = "auto";     // what the files of the models must be: "gguf", "safetensors", "tmill"; "auto": any
  EngineOptions engine;
  ServiceOptions service;
  std::string host = "127.0.0.1";
  uint16_t port = 8080;  // 0: one that is free
  std::vector<std::string> allowed_hosts = {};
  std::vector<std::string> allowed_origins = {};
  JwtOptions jwt = {};
  TlsOptions tls = {};
  std::string api_key_file = {};
  std::vector<std::string> api_keys = {};  // as Access::add_key takes them
  Limits limits = {};
  RateLimits rate_limits = {};
  std::string rate_limit_redis = {};  // "redis://...", where replicas share their counts; empty: in memory
  bool may_be_public = false;         // without a key, beyond this machine
  int64_t drain_seconds = 30;         // for what runs, after the first signal to stop
  LogFormat log_format = LogFormat::text;
  bool logs_requests = true;
  // Told once the server listens, and of what it does.
  std::function<void(const std::string& line)> on_line = {};
};

// Throws invalid_argument for what could not be served, such as an address beyond this machine without a key.
void check(const ServerOptions& options);

// Loads the models and serves until SIGTERM or SIGINT: then it takes nothing new, lets streams end for at most
// drain_seconds, and returns; a second signal ends the process at once.  Throws what loading throws, and io when the
// address cannot be listened on.
void serve(const ServerOptions& options);

}  // namespace tidemill::serve
