// EmbeddingStream: the vectors of Embedder::embed, bit for bit, in order; both sides are bounded; it ends when it
// should.
#include "tidemill/embedding_stream.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "api/small_embedder_for_test.h"

namespace tidemill {
namespace {

std::string long_text() {
  std::string text;
  for (int i = 0; i < 60; ++i) {
    text += "The tide mill stood by the wheel, " + std::string(static_cast<size_t>(1 + i % 9), 'a') + ". ";
    text += "\u6c34\u8eca\u3002 The wheel!\n";
  }
  return text;
}

std::vector<EmbeddingEvent> read_all(EmbeddingStream& stream) {
  std::vector<EmbeddingEvent> events;
  while (auto event = stream.read()) events.push_back(std::move(*event));
  return events;
}

// Writes the text in pieces on another thread.
std::vector<EmbeddingEvent> events_of(EmbeddingStream& stream, const std::string& text, size_t piece) {
  std::jthread writer([&] {
    for (size_t at = 0; at < text.size(); at += piece) stream.write(std::string_view(text).substr(at, piece));
    stream.finish();
  });
  return read_all(stream);
}

std::vector<float> vector_of(const Embedder& embedder, std::string_view text, const EmbedOptions& options = {}) {
  return embedder.embed({&text, 1}, options).front();
}

TEST(EmbeddingStreamTest, VectorsAreThoseOfTheChunks) {
  const Embedder embedder = small_embedder();
  EmbeddingService service(embedder);
  const std::string text = long_text();
  for (const ChunkBy by : {ChunkBy::tokens, ChunkBy::sentence, ChunkBy::time})
    for (const size_t piece : {1, 7, 100000}) {
      EmbeddingStream stream(service, {.chunk_by = by,
                                       .chunk_tokens = 40,
                                       .overlap = by == ChunkBy::sentence ? 0 : 10,
                                       .max_chunk_ms = 1e6,
                                       .max_wait_ms = 1,
                                       .dimensions = 16});
      const std::vector<EmbeddingEvent> events = events_of(stream, text, piece);
      EXPECT_GT(events.size(), 20u);
      int64_t end = 0;
      for (size_t index = 0; index < events.size(); ++index) {
        const EmbeddingEvent& event = events[index];
        EXPECT_EQ(event.index, static_cast<int64_t>(index));
        EXPECT_EQ(event.text, text.substr(static_cast<size_t>(event.begin_byte),
                                          static_cast<size_t>(event.end_byte - event.begin_byte)));
        EXPECT_EQ(event.vector, vector_of(embedder, event.text, {.dimensions = 16}));
        EXPECT_LE(event.begin_byte, end + 2);
        EXPECT_EQ(event.end_token - event.begin_token + 2, std::ssize(embedder.encode(event.text)));
        end = event.end_byte;
      }
      EXPECT_EQ(end + 1, std::ssize(text));
      EXPECT_TRUE(stream.has_ended());
      const EmbeddingStreamStatistics statistics = stream.statistics();
      EXPECT_EQ(statistics.n_bytes, std::ssize(text));
      EXPECT_EQ(statistics.n_chunks, std::ssize(events));
      EXPECT_EQ(statistics.waiting_bytes + statistics.waiting_chunks, 0);
      EXPECT_GE(statistics.latency_p95_ms, statistics.latency_p50_ms);
    }
  EXPECT_EQ(service.statistics().n_tasks, 0);
}

TEST(EmbeddingStreamTest, AggregatesAreThoseOfLongTexts) {
  const Embedder embedder = small_embedder();
  EmbeddingService service(embedder);
  // A text of one chunk has its own vector; the aggregate of equal chunks is theirs.
  for (const LongText how : {LongText::mean, LongText::max, LongText::by_tokens, LongText::by_position}) {
    EmbeddingStream stream(service, {.chunk_by = ChunkBy::sentence, .aggregate = how});
    const auto events = events_of(stream, "The tide. The tide. A mill and a wheel!", 5);
    ASSERT_EQ(events.size(), 3u);
    for (size_t i = 0; i < 48; ++i) {
      EXPECT_NEAR(events[1].aggregate[i], events[0].vector[i], 1e-6);
      const float a = events[0].vector[i], b = events[2].vector[i];
      const auto n = static_cast<float>(events[0].n_tokens), m = static_cast<float>(events[2].n_tokens);
      const float expected = how == LongText::max         ? std::max(a, b)
                             : how == LongText::mean      ? (2 * a + b) / 3
                             : how == LongText::by_tokens ? (2 * n * a + m * b) / (2 * n + m)
                                                          : (1.5f * a + b / 3) / (1.5f + 1.0f / 3);
      EXPECT_NEAR(events[2].aggregate[i], expected, 1e-5) << static_cast<int>(how);
    }
  }
}

TEST(EmbeddingStreamTest, WhoDoesNotReadIsNotReadFrom) {
  EmbeddingService service(small_embedder());
  EmbeddingStream stream(service, {.chunk_tokens = 10, .max_wait_ms = 0, .max_text_bytes = 32 << 10, .max_chunks = 3});
  size_t n_taken = 0;
  for (int i = 0; i < 100'000; ++i) {
    const size_t n = stream.offer("the tide mill ");
    n_taken += n;
    if (n == 0) break;
  }
  EXPECT_LE(n_taken, size_t{34} << 10);
  EXPECT_GE(n_taken, size_t{32} << 10);
  EmbeddingStreamStatistics statistics = stream.statistics();
  EXPECT_LE(statistics.most_waiting_bytes, 32 << 10);
  EXPECT_GE(statistics.n_full, 1);
  std::atomic<int> n_changes = 0;
  stream.on_change([&] { ++n_changes; });
  ASSERT_TRUE(stream.read().has_value());
  EXPECT_GE(n_changes, 1);
  EXPECT_GT(stream.offer("the tide mill "), 0u);
  auto blocked =
      std::async(std::launch::async, [&] { stream.write(std::string(1 << 20, 'x') + " end"), stream.finish(); });
  EXPECT_EQ(blocked.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  const int64_t end = read_all(stream).back().end_byte;
  blocked.get();
  EXPECT_EQ(end, stream.statistics().n_bytes);
}

TEST(EmbeddingStreamTest, TextWaitsNoLongerThanItMay) {
  EmbeddingService service(small_embedder());
  EmbeddingStream stream(service, {.chunk_by = ChunkBy::time, .max_chunk_ms = 5});
  stream.write("the tide mil");
  EXPECT_EQ(stream.read()->text, "the tide");
  EXPECT_EQ(stream.read()->text, "mil");
  stream.write("the whe");
  stream.flush();
  EXPECT_EQ(stream.read()->text, "the whe");
  EXPECT_FALSE(stream.take().has_value());
  EXPECT_FALSE(stream.has_ended());
  stream.finish();
  EXPECT_FALSE(stream.read().has_value());
}

TEST(EmbeddingStreamTest, StreamsShareBatches) {
  const Embedder embedder = small_embedder();
  EmbeddingService service(embedder, {.wanted_texts = 4});
  std::vector<std::unique_ptr<EmbeddingStream>> streams;
  for (int i = 0; i < 4; ++i) {
    streams.push_back(std::make_unique<EmbeddingStream>(service, EmbeddingStreamOptions{.max_wait_ms = 1e5}));
    streams.back()->write(std::string(static_cast<size_t>(i + 1), 'a'));
    streams.back()->finish();
  }
  for (const auto& stream : streams) {
    const auto event = stream->read();
    ASSERT_TRUE(event.has_value());
    EXPECT_EQ(event->vector, vector_of(embedder, event->text));
  }
  EXPECT_EQ(service.statistics().n_passes, 1);
}

TEST(EmbeddingStreamTest, ACancelledStreamLeavesNothing) {
  EmbeddingService service(small_embedder());
  {
    EmbeddingStream stream(service, {.chunk_tokens = 10, .max_wait_ms = 1e5, .max_chunks = 2});
    auto reader = std::async(std::launch::async, [&] { return stream.read(); });
    auto writer = std::async(std::launch::async, [&] { stream.write(std::string(1 << 20, 'x')); });
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    stream.cancel();
    EXPECT_FALSE(reader.get().has_value());
    writer.get();
    EXPECT_TRUE(stream.has_ended());
    EXPECT_EQ(stream.offer("more"), 4u);  // dropped
  }
  {
    EmbeddingStream(service, {.max_wait_ms = 1e5}).write("the tide mill ");
  }
  EXPECT_EQ(service.statistics().n_tasks, 0);
  EXPECT_EQ(service.statistics().n_waiting, 0);
}

TEST(EmbeddingStreamTest, OptionsOutOfRangeAreRefused) {
  EmbeddingService service(small_embedder());
  for (const EmbeddingStreamOptions& options :
       std::initializer_list<EmbeddingStreamOptions>{{.chunk_tokens = 2},
                                                     {.chunk_tokens = 20, .overlap = 11},
                                                     {.chunk_tokens = 20, .overlap = -1},
                                                     {.chunk_by = ChunkBy::sentence, .overlap = 1},
                                                     {.max_chunk_ms = -1},
                                                     {.prompt_name = "none"},
                                                     {.dimensions = 49},
                                                     {.aggregate = LongText::cut},
                                                     {.max_text_bytes = 100},
                                                     {.max_chunks = 0}})
    EXPECT_THROW(EmbeddingStream(service, options), Error);
  EXPECT_EQ(service.statistics().n_tasks, 0);
}

}  // namespace
}  // namespace tidemill
