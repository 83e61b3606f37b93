#include "cli/embed_stream.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <thread>

#include "cli/interrupt.h"
#include "tidemill/embedding_stream.h"
#include "tidemill/error.h"

namespace tidemill::cli {
namespace {

constexpr int kPollMs = 100;  // between looks for an interrupt

EmbeddingStreamOptions stream_options(const Arguments& arguments, const EmbedOptions& options) {
  const std::string chunk_by = arguments.text("--chunk-by"), aggregate = arguments.text("--aggregate");
  EmbeddingStreamOptions result{.chunk_tokens = arguments.integer("--chunk-tokens"),
                                .overlap = options.overlap,
                                .max_chunk_ms = arguments.number("--chunk-ms"),
                                .max_wait_ms = arguments.number("--wait-ms"),
                                .prompt_name = options.prompt_name,
                                .dimensions = options.dimensions};
  if (const auto by = chunk_by_of(chunk_by))
    result.chunk_by = *by;
  else
    throw Error(ErrorCode::invalid_argument,
                "--chunk-by: '" + chunk_by + "' is not known; give tokens, sentence or time");
  if (aggregate == "none") return result;
  result.aggregate = long_text_of(aggregate);
  if (!result.aggregate || result.aggregate == LongText::cut)
    throw Error(ErrorCode::invalid_argument,
                "--aggregate: '" + aggregate + "' is not known; give none, mean, max, tokens or position");
  return result;
}

// Standard input goes into the stream as it comes, until it or the stream ends.
void pump_input(EmbeddingStream& stream, const std::atomic<bool>& is_over) {
  std::array<char, 16 << 10> buffer{};
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  while (!is_over && !interrupted()) {
    if (::poll(&input, 1, kPollMs) <= 0) continue;
    const ssize_t n = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (n <= 0) break;
    stream.write({buffer.data(), static_cast<size_t>(n)});
  }
  if (interrupted())
    stream.cancel();
  else
    stream.finish();
}

void print_events(EmbeddingStream& stream) {
  while (const auto event = stream.read()) {
    std::printf("%s\n", to_json(*event).c_str());
    std::fflush(stdout);
  }
}

void print_statistics(const EmbeddingStreamStatistics& now) {
  std::fprintf(stderr, "%lld chunks, %lld tokens in %.2f s: %.0f tokens/s; latency p50 %.1f ms, p95 %.1f ms\n",
               static_cast<long long>(now.n_chunks), static_cast<long long>(now.n_tokens), now.seconds,
               now.tokens_per_s, now.latency_p50_ms, now.latency_p95_ms);
}

}  // namespace

int stream_embeddings(const Embedder& embedder, const Arguments& arguments, const EmbedOptions& options) {
  EmbeddingService service(embedder);
  EmbeddingStream stream(service, stream_options(arguments, options));
  catch_interrupts();
  std::atomic<bool> is_over = false;
  {
    std::jthread reader([&] { pump_input(stream, is_over); });
    try {
      print_events(stream);
    } catch (...) {
      is_over = true;  // for the reader, which is joined now
      stream.cancel();
      throw;
    }
    is_over = true;
  }
  if (arguments.flag("--json"))
    std::printf("{\"statistics\":%s}\n", to_json(stream.statistics()).c_str());
  else
    print_statistics(stream.statistics());
  return interrupted() ? exit_status(ErrorCode::cancelled) : 0;
}

}  // namespace tidemill::cli
