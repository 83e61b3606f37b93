// What a response is on the wire (HTTP/1.1: RFC 9112), as one text: Beast's serializer takes thirty thousand
// instructions to join the same pieces, most of what a short answer costs.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "serve/http.h"

namespace tidemill::serve {

// How a body follows its head.
struct Framing {
  unsigned version = 11;                      // of HTTP: 10 or 11
  bool keeps_alive = true;                    // the connection goes on behind it
  bool is_chunked = false;                    // else by its length
  std::optional<size_t> content_length = {};  // none: the body is in chunks, or ends with the connection
};

// Status line and headers, with the empty line.  `id` is the request's, `more` are headers besides the response's own.
// Neither may hold line ends.
std::string head_text(const HttpResponse& response, std::string_view id, const Headers& more, const Framing& framing);

// A piece of a body in chunks, and what stands behind the last.
std::string chunk_text(std::string_view piece);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace tidemill::serve
