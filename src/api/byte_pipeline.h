// Bytes on their way to a file: the next ones are read or made by all threads while others are written.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <span>
#include <thread>

#include "sys/thread_pool.h"
#include "tensor/storage.h"

namespace tidemill {

// Where bytes come from: they lie in memory that outlives the pipeline, or they are made in units of equal size.
struct ByteSource {
  std::span<const std::byte> bytes = {};
  int64_t n_units = 0, unit_bytes = 0;
  // Makes units [begin, end) at `target`.  Called on several threads at once, for different units.
  std::function<void(int64_t begin, int64_t end, std::byte* target)> make = {};
  // Units [begin, end), or such bytes, will not be read again.  May be empty; called on any thread, for parts in order.
  std::function<void(int64_t begin, int64_t end)> done = {};

  int64_t size_bytes() const { return make ? n_units * unit_bytes : std::ssize(bytes); }
};

// Memory is bounded: three pieces of some megabytes are on their way at most, or of one unit where that is more.
class BytePipeline {
 public:
  // Called on a thread of the pipeline, with pieces in order.
  using Sink = std::function<void(std::span<const std::byte> piece)>;
  // Called on the caller's thread as bytes leave it.
  using Progress = std::function<void(int64_t n_bytes)>;

  // `pool` outlives this object, and nobody else uses it meanwhile.
  BytePipeline(ThreadPool& pool, Sink sink, Progress progress);
  // Drops what has not been written.
  ~BytePipeline();
  BytePipeline(const BytePipeline&) = delete;
  BytePipeline& operator=(const BytePipeline&) = delete;

  // Appends.  Throws what `make`, the sink (for these bytes or earlier ones) and `progress` throw; nothing but the
  // destructor may follow that.
  void write(const ByteSource& source);
  // Waits until all is written.  Throws what the sink throws.  Nothing may follow.
  void finish();

 private:
  static constexpr int64_t kPieces = 3;
  struct Piece {
    std::span<const std::byte> bytes;
    std::function<void()> done;
  };

  void write_piece(const ByteSource& source, int64_t begin, int64_t end, int64_t unit_bytes);
  void wait_for_room();
  void write_pieces();

  ThreadPool& pool_;
  Sink sink_;
  Progress progress_;
  // Piece i is in place i % kPieces, and its memory, where it has been made.
  std::array<Piece, kPieces> pieces_;
  std::array<Storage, kPieces> memory_;
  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  int64_t n_given_ = 0, n_written_ = 0;  // pieces
  bool is_ended_ = false;                // no further pieces come
  bool is_dropped_ = false;              // those that wait are not to be written
  std::exception_ptr failure_;           // of the sink
  std::thread thread_;
};

}  // namespace tidemill
