// What clients say over the WebSocket /v1/stream: JSON objects with an id.
#pragma once

#include <string>

namespace tidemill::serve {

struct SocketMessage {
  bool cancels = false;   // the text of that id; else it asks for one:
  std::string path = {};  // by the endpoint
  std::string body = {};  // with this body, which streams unless the message says otherwise
};

// Reads a message.  `id` is set as soon as it is known, so that an error can be told under it.  Throws ApiError 400.
SocketMessage read_socket_message(const std::string& message, std::string& id);

}  // namespace tidemill::serve
