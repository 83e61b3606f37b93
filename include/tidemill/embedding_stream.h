// EmbeddingStream: vectors of a text that never ends.  Text goes in at one side as it comes, chunks with their vectors
// come out at the other in its order; both sides are bounded, so that who does not read is not read from.
//
//   tidemill::EmbeddingService service(tidemill::Embedder::load("all-minilm-l6-v2"));
//   tidemill::EmbeddingStream stream(service, {.chunk_by = tidemill::ChunkBy::sentence});
//   std::thread reader([&] { while (auto event = stream.read()) use(event->text, event->vector); });
//   while (std::getline(std::cin, line)) stream.write(line + "\n");
//   stream.finish();
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidemill/embedding_service.h"

namespace tidemill {

// What ends a chunk besides its number of tokens and EmbeddingStreamOptions::max_chunk_ms.
enum class ChunkBy : uint8_t {
  tokens,    // nothing
  sentence,  // the end of a sentence
  time,      // nothing, but it has a time: max_chunk_ms, or a second
};

// By these names; nothing for others.
std::optional<ChunkBy> chunk_by_of(std::string_view name);

struct EmbeddingStreamOptions {
  ChunkBy chunk_by = ChunkBy::tokens;
  int64_t chunk_tokens = 128;  // of a chunk at most, with a prompt and special tokens; the model's length when that is
                               // less
  int64_t overlap = 0;         // tokens that a chunk shares with the one before; at most half of it; not of sentences
  double max_chunk_ms = 0;     // text waits no longer for more of its chunk; 0: as long as it takes
  double max_wait_ms = 10;     // a chunk waits no longer for others to share a pass with
  std::string prompt_name = {};         // EmbedOptions
  int64_t dimensions = 0;               // likewise
  std::optional<LongText> aggregate{};  // a vector of all chunks so far comes with each; not `cut`
  int64_t max_text_bytes = 64 << 10;    // that wait to be embedded
  int64_t max_chunks = 32;              // being embedded, or waiting to be read
};

// A chunk and its vector, which is the one that Embedder::embed gives for its text, bit for bit.
struct EmbeddingEvent {
  int64_t index = 0;
  std::string text;  // without white space at its ends
  // Bytes [begin, end) of the stream.  Tokens likewise, without special ones: as many as the text has; those that it
  // shares with the chunk before come before that one's end.
  int64_t begin_byte = 0, end_byte = 0;
  int64_t begin_token = 0, end_token = 0;
  std::vector<float> vector;
  std::vector<float> aggregate;  // of this chunk and all before, as EmbedOptions::long_text; empty unless asked for
  int64_t n_tokens = 0;          // that were read for it, special ones and those of a prompt among them
  double latency_ms = 0;         // from the text that completed the chunk to the vector
};

struct EmbeddingStreamStatistics {
  int64_t n_bytes = 0;   // taken
  int64_t n_chunks = 0;  // whose vectors came
  int64_t n_tokens = 0;  // of them, with special ones
  double seconds = 0;    // from the first text to the last vector
  double chunks_per_s = 0, tokens_per_s = 0;
  double latency_p50_ms = 0, latency_p95_ms = 0, latency_max_ms = 0;  // of the last 4,096 chunks, of all
  int64_t waiting_bytes = 0, most_waiting_bytes = 0;                  // of text that is not being embedded
  int64_t waiting_chunks = 0, most_waiting_chunks = 0;                // being embedded, or waiting to be read
  int64_t n_full = 0;                                                 // times that text was not taken at once
};

// All functions may be called from any thread, `write` and `offer` from one at a time.
class EmbeddingStream {
 public:
  // `service`, which may have several streams, outlives this object.  Throws invalid_argument for options out of
  // range and a prompt that the model does not have, and queue_full.
  explicit EmbeddingStream(EmbeddingService& service, const EmbeddingStreamOptions& options = {});
  // Drops what has not been read, without a call of on_change's function.
  ~EmbeddingStream();
  EmbeddingStream(const EmbeddingStream&) = delete;
  EmbeddingStream& operator=(const EmbeddingStream&) = delete;

  // Takes as much of the text as there is room for, and returns how many bytes that were; it may be cut anywhere.
  size_t offer(std::string_view text);
  // Whether `offer` would take something now.
  bool has_room() const;
  // Takes all of it, waiting while there is no room.  What comes after `finish` or `cancel` is dropped.
  void write(std::string_view text);
  // Ends the chunk that has begun, without waiting for more text.
  void flush();
  // No more text comes: what is there becomes the last chunks.
  void finish();
  // Nothing more is wanted; what waits is dropped, and `read` gives nothing.
  void cancel();

  // The next chunk, when it is there.  Throws what embedding has thrown.
  std::optional<EmbeddingEvent> take();
  // The next chunk; waits for it.  Nothing at the end of the stream.  Throws likewise.
  std::optional<EmbeddingEvent> read();
  // All has been read after `finish`, or the stream was cancelled.
  bool has_ended() const;

  // `changed` is called whenever `offer` may take more, `take` may give something, or the stream has ended: on any
  // thread, perhaps within one of the other functions; it must be quick and call none of them.
  void on_change(std::function<void()> changed);

  EmbeddingStreamStatistics statistics() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

// As one line of JSON: {"index","text","bytes":[b,e],"tokens":[b,e],"embedding":[...],"aggregate":[...],"latency_ms"}.
// Text that is not UTF-8 becomes U+FFFD.
std::string to_json(const EmbeddingEvent& event);
std::string to_json(const EmbeddingStreamStatistics& statistics);

}  // namespace tidemill
