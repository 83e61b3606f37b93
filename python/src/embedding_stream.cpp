#include "tidemill/embedding_stream.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/unique_ptr.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

#include "python/src/arrays.h"
#include "python/src/embedder.h"
#include "python/src/embedding_service.h"
#include "python/src/module.h"
#include "python/src/ready_signal.h"

namespace tidemill::python {
namespace {

constexpr std::chrono::milliseconds kBetweenSignals(50);  // that a call waits before it looks for Ctrl-C

// Tells threads and event loops that a stream has changed.  Readers and writers have a descriptor each, for an event
// loop has one waiter for each.
class Changes {
 public:
  void add() {
    {
      const std::lock_guard lock(mutex_);
      ++count_;
      room_.set();
      events_.set();
    }
    changed_.notify_all();
  }
  uint64_t count() {
    const std::lock_guard lock(mutex_);
    return count_;
  }
  void wait_past(uint64_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kBetweenSignals, [&] { return count_ != count; });
  }
  // What comes next counts as room, or as an event.
  void clear_room() {
    const std::lock_guard lock(mutex_);
    room_.clear();
  }
  void clear_events() {
    const std::lock_guard lock(mutex_);
    events_.clear();
  }
  int room_descriptor() {
    const std::lock_guard lock(mutex_);
    return room_.descriptor(true);
  }
  int events_descriptor() {
    const std::lock_guard lock(mutex_);
    return events_.descriptor(true);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t count_ = 0;
  ReadySignal room_, events_;
};

// A stream with the service that it needs.
struct WatchedStream {
  WatchedStream(std::shared_ptr<EmbeddingService> shared, const EmbeddingStreamOptions& options)
      : service(std::move(shared)), stream(*service, options) {
    stream.on_change([told = changes] { told->add(); });
  }

  std::shared_ptr<EmbeddingService> service;
  std::shared_ptr<Changes> changes = std::make_shared<Changes>();
  EmbeddingStream stream;
};

// Tries until `attempt` says that it is done, without the GIL.  Raises for Ctrl-C.
template <typename Attempt>
void keep_trying(WatchedStream& self, Attempt&& attempt) {
  while (true) {
    {
      const nb::gil_scoped_release released;
      const uint64_t before = self.changes->count();
      if (attempt()) return;
      self.changes->wait_past(before);
    }
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
  }
}

void write(WatchedStream& self, std::string_view text) {
  keep_trying(self, [&] {
    text.remove_prefix(self.stream.offer(text));
    return text.empty();
  });
}

std::optional<EmbeddingEvent> read(WatchedStream& self) {
  std::optional<EmbeddingEvent> event;
  keep_trying(self, [&] {
    event = self.stream.take();
    return event || self.stream.has_ended();
  });
  return event;
}

// Of UTF-8 from a byte on; how far it was taken, perhaps into a character.
size_t offer(WatchedStream& self, const nb::bytes& text, size_t begin) {
  const std::string_view all(text.c_str(), text.size());
  const nb::gil_scoped_release released;
  self.changes->clear_room();
  return begin + self.stream.offer(all.substr(begin));
}

std::optional<EmbeddingEvent> take(WatchedStream& self) {
  const nb::gil_scoped_release released;
  self.changes->clear_events();
  return self.stream.take();
}

std::unique_ptr<WatchedStream> open(const SharedEmbeddingService& service, const std::string& chunk_by,
                                    int64_t chunk_tokens, int64_t overlap, double max_chunk_ms, double max_wait_ms,
                                    const std::string& prompt_name, int64_t dimensions,
                                    const std::optional<std::string>& aggregate, int64_t max_text_bytes,
                                    int64_t max_chunks) {
  const auto by = chunk_by_of(chunk_by);
  if (!by)
    throw Error(ErrorCode::invalid_argument,
                "chunk_by: '" + printable(chunk_by, 50) + "' is none of tokens, sentence, time");
  EmbeddingStreamOptions options{.chunk_by = *by,
                                 .chunk_tokens = chunk_tokens,
                                 .overlap = overlap,
                                 .max_chunk_ms = max_chunk_ms,
                                 .max_wait_ms = max_wait_ms,
                                 .prompt_name = prompt_name,
                                 .dimensions = dimensions,
                                 .max_text_bytes = max_text_bytes,
                                 .max_chunks = max_chunks};
  if (aggregate) options.aggregate = long_text(*aggregate, "aggregate");
  const nb::gil_scoped_release released;
  return std::make_unique<WatchedStream>(service.service, options);
}

using Vector = nb::ndarray<nb::numpy, const float, nb::ndim<1>>;

// Where it lies in the event, which lives as long as the array.
Vector array_within(const EmbeddingEvent& event, const std::vector<float>& vector) {
  return Vector(vector.data(), {vector.size()}, nb::find(event));
}

void bind_event(nb::module_& module) {
  nb::class_<EmbeddingEvent>(module, "EmbeddingEvent", "A chunk of a stream and its vector.")
      .def_ro("index", &EmbeddingEvent::index)
      .def_ro("text", &EmbeddingEvent::text, "Without white space at its ends.")
      .def_prop_ro(
          "bytes", [](const EmbeddingEvent& self) { return std::pair(self.begin_byte, self.end_byte); },
          "Where it lies in the stream, (begin, end), in bytes of UTF-8.")
      .def_prop_ro(
          "tokens", [](const EmbeddingEvent& self) { return std::pair(self.begin_token, self.end_token); },
          "Likewise in tokens, without special ones.")
      .def_prop_ro(
          "vector", [](const EmbeddingEvent& self) { return array_within(self, self.vector); },
          "[dimensions], what Embedder.embed gives for the text, bit for bit.")
      .def_prop_ro(
          "aggregate",
          [](const EmbeddingEvent& self) -> std::optional<Vector> {
            if (self.aggregate.empty()) return std::nullopt;
            return array_within(self, self.aggregate);
          },
          "[dimensions], of this chunk and all before; None unless asked for.")
      .def_ro("n_tokens", &EmbeddingEvent::n_tokens, "That were read for it, special ones among them.")
      .def_ro("latency_ms", &EmbeddingEvent::latency_ms, "From the text that completed the chunk to the vector.");
}

void bind_statistics(nb::module_& module) {
  using Statistics = EmbeddingStreamStatistics;
  nb::class_<Statistics>(module, "EmbeddingStreamStatistics", "What a stream did, and what waits in it.")
      .def_ro("n_bytes", &Statistics::n_bytes, "Taken.")
      .def_ro("n_chunks", &Statistics::n_chunks, "Whose vectors came.")
      .def_ro("n_tokens", &Statistics::n_tokens, "Of them, with special ones.")
      .def_ro("seconds", &Statistics::seconds, "From the first text to the last vector.")
      .def_ro("chunks_per_s", &Statistics::chunks_per_s)
      .def_ro("tokens_per_s", &Statistics::tokens_per_s)
      .def_ro("latency_p50_ms", &Statistics::latency_p50_ms, "Of the last 4,096 chunks.")
      .def_ro("latency_p95_ms", &Statistics::latency_p95_ms)
      .def_ro("latency_max_ms", &Statistics::latency_max_ms)
      .def_ro("waiting_bytes", &Statistics::waiting_bytes, "Of text that is not being embedded.")
      .def_ro("most_waiting_bytes", &Statistics::most_waiting_bytes)
      .def_ro("waiting_chunks", &Statistics::waiting_chunks, "Being embedded, or waiting to be read.")
      .def_ro("most_waiting_chunks", &Statistics::most_waiting_chunks)
      .def_ro("n_full", &Statistics::n_full, "Times that text was not taken at once.");
}

}  // namespace

void bind_embedding_stream(nb::module_& module) {
  bind_event(module);
  bind_statistics(module);
  const nb::call_guard<nb::gil_scoped_release> without_gil;
  nb::class_<WatchedStream>(module, "EmbeddingStream")
      .def("write", &write, nb::arg("text"))
      .def("read", &read)
      .def("offer", &offer, nb::arg("text"), nb::arg("begin"))
      .def("take", &take)
      .def(
          "flush", [](WatchedStream& self) { self.stream.flush(); }, without_gil)
      .def(
          "finish", [](WatchedStream& self) { self.stream.finish(); }, without_gil)
      .def(
          "cancel", [](WatchedStream& self) { self.stream.cancel(); }, without_gil)
      .def("has_ended", [](const WatchedStream& self) { return self.stream.has_ended(); })
      .def("room_descriptor", [](WatchedStream& self) { return self.changes->room_descriptor(); })
      .def("events_descriptor", [](WatchedStream& self) { return self.changes->events_descriptor(); })
      .def("statistics", [](const WatchedStream& self) { return self.stream.statistics(); });
  const EmbeddingStreamOptions usual;
  module.def("open_embedding_stream", &open, nb::arg("service"), nb::kw_only(), nb::arg("chunk_by") = "tokens",
             nb::arg("chunk_tokens") = usual.chunk_tokens, nb::arg("overlap") = usual.overlap,
             nb::arg("max_chunk_ms") = usual.max_chunk_ms, nb::arg("max_wait_ms") = usual.max_wait_ms,
             nb::arg("prompt_name") = "", nb::arg("dimensions") = usual.dimensions, nb::arg("aggregate") = nb::none(),
             nb::arg("max_text_bytes") = usual.max_text_bytes, nb::arg("max_chunks") = usual.max_chunks);
}

}  // namespace tidemill::python
