#include "api/byte_pipeline.h"

#include <algorithm>
#include <utility>

namespace tidemill {
namespace {

// Large enough that the hand-over costs nothing, small enough to stay in the last level of the cache until written.
constexpr int64_t kPieceBytes = 4 << 20;
constexpr int64_t kPageBytes = 4096;
constexpr int64_t kPagesAtOnce = 64;

// Reads a byte of each page, so that the thread that writes finds the pages of a mapped file in place.
void read_pages(ThreadPool& pool, std::span<const std::byte> bytes) {
  const int64_t n_pages = (std::ssize(bytes) + kPageBytes - 1) / kPageBytes;
  pool.parallel_for(n_pages, kPagesAtOnce, [&](int64_t begin, int64_t end, int) {
    for (int64_t page = begin; page < end; ++page) {
      [[maybe_unused]] const volatile std::byte touched = bytes[static_cast<size_t>(page * kPageBytes)];
    }
  });
}

}  // namespace

BytePipeline::BytePipeline(ThreadPool& pool, Sink sink, Progress progress)
    : pool_(pool), sink_(std::move(sink)), progress_(std::move(progress)), thread_([this] { write_pieces(); }) {}

BytePipeline::~BytePipeline() {
  {
    const std::lock_guard lock(mutex_);
    is_ended_ = is_dropped_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void BytePipeline::write(const ByteSource& source) {
  const int64_t unit_bytes = source.make ? source.unit_bytes : 1;
  const int64_t n_units = source.make ? source.n_units : std::ssize(source.bytes);
  if (unit_bytes == 0) return;
  const int64_t n_at_once = std::max<int64_t>(1, kPieceBytes / unit_bytes);
  for (int64_t begin = 0; begin < n_units; begin += n_at_once) {
    write_piece(source, begin, std::min(n_units, begin + n_at_once), unit_bytes);
  }
}

void BytePipeline::write_piece(const ByteSource& source, int64_t begin, int64_t end, int64_t unit_bytes) {
  wait_for_room();
  const auto place = static_cast<size_t>(n_given_ % kPieces);
  const int64_t n_bytes = (end - begin) * unit_bytes;
  Piece piece;
  if (source.make) {
    Storage& memory = memory_[place];
    if (memory.size_bytes() < n_bytes) memory = Storage(n_bytes);
    const int64_t grain = std::max<int64_t>(1, (end - begin) / (4 * pool_.n_threads()));
    pool_.parallel_for(end - begin, grain, [&](int64_t first, int64_t last, int) {
      source.make(begin + first, begin + last, memory.data() + first * unit_bytes);
    });
    piece.bytes = {memory.data(), static_cast<size_t>(n_bytes)};
    if (source.done) source.done(begin, end);
  } else {
    piece.bytes = source.bytes.subspan(static_cast<size_t>(begin), static_cast<size_t>(n_bytes));
    read_pages(pool_, piece.bytes);
    if (source.done) piece.done = [done = source.done, begin, end] { done(begin, end); };
  }
  {
    const std::lock_guard lock(mutex_);
    pieces_[place] = std::move(piece);
    ++n_given_;
  }
  changed_.notify_all();
  progress_(n_bytes);
}

void BytePipeline::wait_for_room() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return failure_ || n_given_ - n_written_ < kPieces; });
  if (failure_) std::rethrow_exception(failure_);
}

void BytePipeline::finish() {
  {
    const std::lock_guard lock(mutex_);
    is_ended_ = true;
  }
  changed_.notify_all();
  thread_.join();
  if (failure_) std::rethrow_exception(failure_);
}

// What the thread runs.
void BytePipeline::write_pieces() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return is_ended_ || n_written_ < n_given_; });
    if (is_dropped_ || n_written_ == n_given_) return;
    const Piece piece = std::move(pieces_[static_cast<size_t>(n_written_ % kPieces)]);
    lock.unlock();
    std::exception_ptr failure;
    try {
      sink_(piece.bytes);
      if (piece.done) piece.done();
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    ++n_written_;
    failure_ = failure;
    changed_.notify_all();
    if (failure) return;
  }
}

}  // namespace tidemill
