// EmbeddingStream: a chunker at one side, a queue of events at the other, and an asker of the service between them.
//
// Two locks, always taken in this order: `writing_` for the chunker, which works at the writer's pace, and `mutex_` for
// all that passes between threads.  The service's own is taken within them, and never held when it calls back.
#include "tidemill/embedding_stream.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "api/embedding_service_impl.h"
#include "api/latencies.h"
#include "embed/dense.h"
#include "embed/running_vector.h"
#include "embed/text_chunker.h"

namespace tidemill {
namespace {

using std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr int64_t kLeastTextBytes = 32 << 10;  // a chunk may have half of it
constexpr double kUsualChunkMs = 1000;         // of chunks by time

[[noreturn]] void refuse(const char* why) {
  throw Error(ErrorCode::invalid_argument, why);
}

void check(const Embedder& embedder, const EmbeddingStreamOptions& options) {
  embedder.check({.ids = {}, .first_pooled = 0, .dimensions = options.dimensions});
  if (options.chunk_tokens < 1) refuse("chunk_tokens: must be at least 1");
  if (options.overlap < 0 || options.overlap > options.chunk_tokens / 2)
    refuse("overlap: must be from 0 to half of chunk_tokens");
  if (options.overlap > 0 && options.chunk_by == ChunkBy::sentence)
    refuse("overlap: sentences have none; leave it out");
  if (!(options.max_chunk_ms >= 0) || !(options.max_wait_ms >= 0)) refuse("max_chunk_ms, max_wait_ms: at least 0");
  if (options.aggregate == LongText::cut) refuse("aggregate: must be mean, max, by tokens or by position");
  if (options.max_text_bytes < kLeastTextBytes) refuse("max_text_bytes: must be at least 32768");
  if (options.max_chunks < 1) refuse("max_chunks: must be at least 1");
}

ChunkerOptions chunker_options(const Embedder& embedder, const EmbeddingStreamOptions& options) {
  const int64_t n_around = std::ssize(embedder.encode("", {.prompt_name = options.prompt_name}));
  const int64_t most = std::min(options.chunk_tokens, embedder.max_tokens()) - n_around;
  if (most < 1) refuse("chunk_tokens: leaves no room beside the prompt and special tokens; give more");
  return {.most_tokens = most,
          .overlap = options.overlap,
          .by_sentence = options.chunk_by == ChunkBy::sentence,
          .count = [embedder](std::string_view text) {
            return static_cast<int64_t>(embedder.engine().tokenizer().count(text, {.add_special_tokens = false}));
          }};
}

}  // namespace

std::optional<ChunkBy> chunk_by_of(std::string_view name) {
  if (name == "tokens") return ChunkBy::tokens;
  if (name == "sentence") return ChunkBy::sentence;
  if (name == "time") return ChunkBy::time;
  return std::nullopt;
}

class EmbeddingStream::Impl : public std::enable_shared_from_this<EmbeddingStream::Impl> {
 public:
  Impl(EmbeddingService& service, const EmbeddingStreamOptions& options);

  void open();
  size_t offer(std::string_view text);
  bool has_room() const;
  void write(std::string_view text);
  void flush();
  void finish();
  void cancel();
  std::optional<EmbeddingEvent> take();
  std::optional<EmbeddingEvent> read();
  bool has_ended() const;
  void on_change(std::function<void()> changed);
  EmbeddingStreamStatistics statistics() const;

 private:
  struct Ready {
    TextChunk chunk;
    EmbedInput input;  // until the service has it
    int64_t n_tokens;
    SteadyTime since;  // when its text was complete
  };

  size_t admit(size_t n_wanted);
  bool takes_text() const {  // with mutex_ held
    return is_over() || is_finished_ || n_chunker_bytes_ + n_ready_bytes_ < options_.max_text_bytes;
  }
  void pass_on(std::vector<TextChunk> chunks, bool is_last);
  void pump();
  void set_timer();
  void end_chunk_by_time();
  void receive(std::vector<float> vector);
  void fail(const Error& error);
  std::optional<EmbeddingEvent> next_event();
  bool is_over() const { return is_cancelled_ || error_.has_value(); }
  bool has_nothing_left() const { return ready_.empty() && embedding_.empty(); }
  void tell_change();

  EmbeddingService::Impl& service_;
  const Embedder embedder_;
  const EmbeddingStreamOptions options_;
  const double chunk_ms_;  // 0: chunks have all the time
  uint64_t number_ = 0;    // of the asker

  std::mutex writing_;  // guards the chunker and the times of its chunk
  TextChunker chunker_;
  SteadyTime chunk_begun_ = {};
  bool has_timer_ = false;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::function<void()> on_change_;
  std::deque<Ready> ready_;      // chunks that there was no room for yet
  std::deque<Ready> embedding_;  // that the service has
  std::deque<EmbeddingEvent> events_;
  int64_t n_chunker_bytes_ = 0, n_ready_bytes_ = 0;
  std::optional<RunningVector> aggregate_;
  int64_t next_index_ = 0;
  bool is_finished_ = false, is_cancelled_ = false;
  std::optional<Error> error_;
  Latencies latencies_;
  EmbeddingStreamStatistics counted_;
  SteadyTime first_text_ = {}, last_vector_ = {};
};

EmbeddingStream::Impl::Impl(EmbeddingService& service, const EmbeddingStreamOptions& options)
    : service_(service.impl()),
      embedder_(service.embedder()),
      options_(options),
      chunk_ms_(options.chunk_by == ChunkBy::time && options.max_chunk_ms == 0 ? kUsualChunkMs : options.max_chunk_ms),
      chunker_(chunker_options(embedder_, options)) {
  if (options.aggregate) aggregate_.emplace(*options.aggregate);
}

void EmbeddingStream::Impl::open() {
  const auto weak = weak_from_this();
  number_ = service_.open({.on_vector =
                               [weak](size_t, std::vector<float>&& vector) {
                                 if (const auto self = weak.lock()) self->receive(std::move(vector));
                               },
                           .on_end = {},
                           .on_error =
                               [weak](const Error& error) {
                                 if (const auto self = weak.lock()) self->fail(error);
                               }});
}

// How much of a text there is room for; counts it as taken.
size_t EmbeddingStream::Impl::admit(size_t n_wanted) {
  const std::lock_guard lock(mutex_);
  const int64_t room = options_.max_text_bytes - n_chunker_bytes_ - n_ready_bytes_;
  const size_t n_taken = std::min(n_wanted, static_cast<size_t>(std::max<int64_t>(room, 0)));
  if (n_taken < n_wanted) ++counted_.n_full;
  if (counted_.n_bytes == 0) first_text_ = last_vector_ = steady_clock::now();
  counted_.n_bytes += static_cast<int64_t>(n_taken);
  return n_taken;
}

size_t EmbeddingStream::Impl::offer(std::string_view text) {
  const std::lock_guard writing(writing_);
  {
    const std::lock_guard lock(mutex_);
    if (is_over() || is_finished_) return text.size();
  }
  const size_t n_taken = admit(text.size());
  if (n_taken == 0) return 0;
  if (chunker_.n_waiting_bytes() == 0) chunk_begun_ = steady_clock::now();
  std::vector<TextChunk> chunks;
  chunker_.push(text.substr(0, n_taken), chunks);
  pass_on(std::move(chunks), false);
  return n_taken;
}

bool EmbeddingStream::Impl::has_room() const {
  const std::lock_guard lock(mutex_);
  return takes_text();
}

void EmbeddingStream::Impl::write(std::string_view text) {
  while (!text.empty()) {
    text.remove_prefix(offer(text));
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return text.empty() || takes_text(); });
  }
}

void EmbeddingStream::Impl::flush() {
  const std::lock_guard writing(writing_);
  std::vector<TextChunk> chunks;
  chunker_.flush(chunks);
  pass_on(std::move(chunks), false);
}

void EmbeddingStream::Impl::finish() {
  const std::lock_guard writing(writing_);
  std::vector<TextChunk> chunks;
  chunker_.finish(chunks);
  pass_on(std::move(chunks), true);
}

// Chunks on their way to the service.  With writing_ held.
void EmbeddingStream::Impl::pass_on(std::vector<TextChunk> chunks, bool is_last) {
  const SteadyTime now = steady_clock::now();
  std::vector<Ready> ready;
  for (TextChunk& chunk : chunks) {
    EmbedInput input =
        embedder_.input(chunk.text, {.prompt_name = options_.prompt_name, .dimensions = options_.dimensions});
    const int64_t n_tokens = std::ssize(input.ids);
    ready.push_back({std::move(chunk), std::move(input), n_tokens, now});
  }
  if (!ready.empty()) chunk_begun_ = now;
  bool is_over_now = false;
  {
    const std::lock_guard lock(mutex_);
    n_chunker_bytes_ = chunker_.n_waiting_bytes();
    is_finished_ |= is_last;
    for (Ready& chunk : ready) {
      n_ready_bytes_ += std::ssize(chunk.chunk.text);
      ready_.push_back(std::move(chunk));
    }
    counted_.most_waiting_bytes = std::max(counted_.most_waiting_bytes, n_chunker_bytes_ + n_ready_bytes_);
    pump();
    is_over_now = is_finished_ && has_nothing_left();
  }
  if (is_over_now)
    service_.cancel(number_);  // which has nothing more to do
  else
    set_timer();
  tell_change();
}

// Gives chunks to the service as far as there is room for their events.  With mutex_ held.
void EmbeddingStream::Impl::pump() {
  while (!is_over() && !ready_.empty() && std::ssize(embedding_) + std::ssize(events_) < options_.max_chunks) {
    Ready next = std::move(ready_.front());
    ready_.pop_front();
    n_ready_bytes_ -= std::ssize(next.chunk.text);
    EmbedInput input = std::move(next.input);
    embedding_.push_back(std::move(next));
    service_.add(number_, std::move(input), options_.max_wait_ms);
  }
  counted_.most_waiting_chunks =
      std::max(counted_.most_waiting_chunks, std::ssize(embedding_) + std::ssize(events_) + std::ssize(ready_));
}

// With writing_ held.
void EmbeddingStream::Impl::set_timer() {
  if (chunk_ms_ == 0 || has_timer_ || chunker_.n_waiting_bytes() == 0) return;
  has_timer_ = true;
  const SteadyTime when = chunk_begun_ + std::chrono::duration_cast<steady_clock::duration>(Milliseconds(chunk_ms_));
  service_.wake_at(number_, when, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->end_chunk_by_time();
  });
}

void EmbeddingStream::Impl::end_chunk_by_time() {
  const std::lock_guard writing(writing_);
  has_timer_ = false;
  std::vector<TextChunk> chunks;
  if (Milliseconds(steady_clock::now() - chunk_begun_).count() >= chunk_ms_) {
    chunker_.cut(chunks);
    chunk_begun_ = steady_clock::now();
  }
  pass_on(std::move(chunks), false);
}

void EmbeddingStream::Impl::receive(std::vector<float> vector) {
  bool is_last = false;
  {
    const std::lock_guard lock(mutex_);
    if (is_over()) return;
    Ready done = std::move(embedding_.front());
    embedding_.pop_front();
    EmbeddingEvent& event = events_.emplace_back();
    event.index = next_index_++;
    event.text = std::move(done.chunk.text);
    event.begin_byte = done.chunk.begin_byte;
    event.end_byte = done.chunk.end_byte;
    event.begin_token = done.chunk.begin_token;
    event.end_token = done.chunk.end_token;
    event.vector = std::move(vector);
    event.n_tokens = done.n_tokens;
    last_vector_ = steady_clock::now();
    event.latency_ms = Milliseconds(last_vector_ - done.since).count();
    if (aggregate_) {
      aggregate_->add(event.vector, done.n_tokens);
      event.aggregate = aggregate_->value();
      if (embedder_.is_normalized()) normalize(event.aggregate);
    }
    latencies_.add(event.latency_ms);
    ++counted_.n_chunks;
    counted_.n_tokens += done.n_tokens;
    is_last = is_finished_ && has_nothing_left();
  }
  if (is_last) service_.cancel(number_);
  tell_change();
}

void EmbeddingStream::Impl::fail(const Error& error) {
  {
    const std::lock_guard lock(mutex_);
    error_ = error;
  }
  tell_change();
}

void EmbeddingStream::Impl::cancel() {
  {
    const std::lock_guard lock(mutex_);
    is_cancelled_ = true;
    ready_.clear();
    embedding_.clear();
    events_.clear();
    n_ready_bytes_ = 0;
  }
  service_.cancel(number_);
  tell_change();
}

// With mutex_ held.
std::optional<EmbeddingEvent> EmbeddingStream::Impl::next_event() {
  if (events_.empty() && error_) throw *error_;
  if (events_.empty()) return std::nullopt;
  EmbeddingEvent event = std::move(events_.front());
  events_.pop_front();
  pump();
  return event;
}

std::optional<EmbeddingEvent> EmbeddingStream::Impl::take() {
  std::optional<EmbeddingEvent> event;
  {
    const std::lock_guard lock(mutex_);
    event = next_event();
  }
  if (event) tell_change();
  return event;
}

std::optional<EmbeddingEvent> EmbeddingStream::Impl::read() {
  std::optional<EmbeddingEvent> event;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !events_.empty() || is_over() || (is_finished_ && has_nothing_left()); });
    event = next_event();
  }
  if (event) tell_change();
  return event;
}

bool EmbeddingStream::Impl::has_ended() const {
  const std::lock_guard lock(mutex_);
  return is_cancelled_ || (is_finished_ && has_nothing_left() && events_.empty());
}

void EmbeddingStream::Impl::on_change(std::function<void()> changed) {
  const std::lock_guard lock(mutex_);
  on_change_ = std::move(changed);
}

void EmbeddingStream::Impl::tell_change() {
  std::function<void()> told;
  {
    const std::lock_guard lock(mutex_);
    told = on_change_;
  }
  changed_.notify_all();
  if (told) told();
}

EmbeddingStreamStatistics EmbeddingStream::Impl::statistics() const {
  const std::lock_guard lock(mutex_);
  EmbeddingStreamStatistics now = counted_;
  now.seconds = std::chrono::duration<double>(last_vector_ - first_text_).count();
  if (now.seconds > 0) {
    now.chunks_per_s = static_cast<double>(now.n_chunks) / now.seconds;
    now.tokens_per_s = static_cast<double>(now.n_tokens) / now.seconds;
  }
  now.latency_p50_ms = latencies_.percentile(0.5);
  now.latency_p95_ms = latencies_.percentile(0.95);
  now.latency_max_ms = latencies_.most();
  now.waiting_bytes = n_chunker_bytes_ + n_ready_bytes_;
  now.waiting_chunks = std::ssize(embedding_) + std::ssize(events_) + std::ssize(ready_);
  return now;
}

EmbeddingStream::EmbeddingStream(EmbeddingService& service, const EmbeddingStreamOptions& options) {
  check(service.embedder(), options);
  impl_ = std::make_shared<Impl>(service, options);
  impl_->open();
}
EmbeddingStream::~EmbeddingStream() {
  impl_->on_change(nullptr);  // what it would touch may be gone already
  impl_->cancel();
}

size_t EmbeddingStream::offer(std::string_view text) {
  return impl_->offer(text);
}
bool EmbeddingStream::has_room() const {
  return impl_->has_room();
}
void EmbeddingStream::write(std::string_view text) {
  impl_->write(text);
}
void EmbeddingStream::flush() {
  impl_->flush();
}
void EmbeddingStream::finish() {
  impl_->finish();
}
void EmbeddingStream::cancel() {
  impl_->cancel();
}
std::optional<EmbeddingEvent> EmbeddingStream::take() {
  return impl_->take();
}
std::optional<EmbeddingEvent> EmbeddingStream::read() {
  return impl_->read();
}
bool EmbeddingStream::has_ended() const {
  return impl_->has_ended();
}
void EmbeddingStream::on_change(std::function<void()> changed) {
  impl_->on_change(std::move(changed));
}
EmbeddingStreamStatistics EmbeddingStream::statistics() const {
  return impl_->statistics();
}

}  // namespace tidemill
