// Limits: what one client may take of the server's memory and time.
#pragma once

#include <cstdint>

namespace tidemill::serve {

struct Limits {
  int64_t client_seconds = 30;  // to send a body, and to read what was written
  int64_t max_connections = 1000;
  int64_t max_body_bytes = int64_t{8} << 20;
};

}  // namespace tidemill::serve
