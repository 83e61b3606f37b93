// What requests for text have in common: /v1/completions and /v1/chat/completions read these fields alike.
#pragma once

#include <cstdint>

#include "serve/fields.h"
#include "tidemill/engine.h"

namespace tidemill::serve {

constexpr int64_t kMostTokens = int64_t{1} << 30;
constexpr size_t kMostStops = 16, kMostStopBytes = 256;

struct TextOptions {
  Request request;  // without a prompt
  int64_t n = 1;    // texts for each prompt; the k-th is drawn with the seed plus k
  bool is_stream = false;
  bool wants_usage = false;  // at the end of a stream
};

// `max_tokens` is what holds when the request has none; -1: until the text or the context ends.
TextOptions read_text_options(const Fields& fields, int64_t max_tokens);

}  // namespace tidemill::serve
