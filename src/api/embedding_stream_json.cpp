#include <cmath>
#include <nlohmann/json.hpp>

#include "tidemill/embedding_stream.h"
#include "tidemill/vector_json.h"

namespace tidemill {
namespace {

std::string range(int64_t begin, int64_t end) {
  return "[" + std::to_string(begin) + "," + std::to_string(end) + "]";
}

double rounded(double value) {
  return std::round(value * 1e3) / 1e3;
}

}  // namespace

std::string to_json(const EmbeddingEvent& event) {
  const nlohmann::json text = event.text;
  std::string line = "{\"index\":" + std::to_string(event.index);
  line += ",\"text\":" + text.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  line += ",\"bytes\":" + range(event.begin_byte, event.end_byte);
  line += ",\"tokens\":" + range(event.begin_token, event.end_token);
  line += ",\"embedding\":" + vector_json(event.vector);
  if (!event.aggregate.empty()) line += ",\"aggregate\":" + vector_json(event.aggregate);
  return line + ",\"latency_ms\":" + nlohmann::json(rounded(event.latency_ms)).dump() + "}";
}

std::string to_json(const EmbeddingStreamStatistics& now) {
  return nlohmann::ordered_json{{"bytes", now.n_bytes},
                                {"chunks", now.n_chunks},
                                {"tokens", now.n_tokens},
                                {"seconds", rounded(now.seconds)},
                                {"chunks_per_s", rounded(now.chunks_per_s)},
                                {"tokens_per_s", rounded(now.tokens_per_s)},
                                {"latency_p50_ms", rounded(now.latency_p50_ms)},
                                {"latency_p95_ms", rounded(now.latency_p95_ms)},
                                {"latency_max_ms", rounded(now.latency_max_ms)},
                                {"waiting_bytes", now.waiting_bytes},
                                {"most_waiting_bytes", now.most_waiting_bytes},
                                {"waiting_chunks", now.waiting_chunks},
                                {"most_waiting_chunks", now.most_waiting_chunks},
                                {"times_full", now.n_full}}
      .dump();
}

}  // namespace tidemill
