// How a job is handed out without locks.
//
// The pieces left are one counter, `remaining`.  Whoever lowers it from r > 0 owns piece n_pieces - r of the job that
// is there *now*, and a job cannot end, so its fields cannot change, while a piece of it is owned and not finished.
// Hence a worker that comes late, even many jobs late, either owns a piece of the present job or owns nothing and has
// read nothing but the counter: no generations to compare, and the caller never waits for a worker without a piece.
//
// Parking is a store-then-look on both sides (Dekker): a worker marks itself parked and then looks at `remaining`; the
// caller fills `remaining` and then looks for parked workers.  All four are sequentially consistent, so one of the two
// sees the other and no wake is lost.  The caller's own wait pairs `caller_parked` with `unfinished` in the same way.
//
// A worker that was woken and does not run when the caller has finished a piece is sent to another processor.  Linux
// often puts it behind the caller: in virtual machines (KVM) an idle processor has been given back to the host and
// counts as taken, and where a processor was busy a moment ago the caller's seems the better choice.  There it waited,
// job after job, beside an idle processor: for 30 ms at the beginning of a prompt.
#include "sys/thread_pool.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <chrono>
#include <exception>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "sys/new_thread.h"
#include "tidemill/error.h"
#include "tidemill/system.h"

namespace tidemill {
namespace {

constexpr size_t kCacheLine = 64;

// How long a thread looks for work, or for the end of a job, before it parks: longer than the serial code between two
// kernels, far shorter than what a person or a battery would notice.
constexpr std::chrono::microseconds kSpinTime{40};
constexpr int kLooksPerClock = 32;  // the clock costs as much as some looks

// Threads woken by one thread at most.  Waking takes a system call; those woken wake the next ones, so that the caller
// of a wide pool starts its own piece early.
constexpr int kWakesPerThread = 2;

void relax_processor() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");  // `yield` does nothing on most cores
#endif
}

// Looks until `done()` or until the spin time is over; the last value of `done()`.
template <typename Done>
bool spin_until(std::chrono::microseconds time, Done done) {
  if (done()) return true;
  if (time.count() == 0) return false;
  const auto deadline = std::chrono::steady_clock::now() + time;
  do {
    for (int look = 0; look < kLooksPerClock; ++look) {
      relax_processor();
      if (done()) return true;
    }
  } while (std::chrono::steady_clock::now() < deadline);
  return false;
}

}  // namespace

struct ThreadPool::Impl {
  // What everybody looks at while there is nothing to do, in one cache line: the look that finds a job brings it along.
  struct alignas(kCacheLine) Job {
    std::atomic<int64_t> remaining = 0;  // pieces nobody owns; at or below 0 there are none
    int64_t n = 0;
    int64_t grain = 1;
    int64_t n_pieces = 0;
    Piece piece = nullptr;
    void* context = nullptr;
    std::atomic<bool> stop = false;
  };
  static_assert(sizeof(Job) == kCacheLine);

  struct alignas(kCacheLine) Join {
    std::atomic<int64_t> unfinished = 0;      // pieces that have not been finished, owned or not
    std::atomic<uint32_t> caller_parked = 0;  // 1 while the caller sleeps on it
  };

  enum Presence : uint32_t {
    awake,
    parked,  // sleeps on it; who ends this accounts for it in n_parked
    called,  // has been woken and does not run yet
  };

  struct alignas(kCacheLine) Worker {
    std::atomic<uint32_t> presence = awake;
    std::thread thread;
  };

  explicit Impl(int n_threads);
  ~Impl();

  void work_until_stopped(int thread);
  // Owns pieces until none remain; returns how many are now finished, or cancelled by an exception.
  int64_t take_pieces(int thread);
  int64_t finish_piece(int64_t index, int thread);
  void join(int64_t n_finished);
  void park(Worker& worker);
  int64_t wake_workers(int64_t limit);  // how many were woken
  void part_from_called(int64_t n_called);
  bool has_news() const { return job.remaining.load() > 0 || job.stop.load(); }

  Job job;
  Join join_line;
  alignas(kCacheLine) std::atomic<int> n_parked = 0;  // may be above the truth for a moment, never below it
  std::atomic<bool> failed = false;
  std::exception_ptr failure;  // written by the piece that set `failed`, read after the join
  std::atomic<bool> running = false;
  std::chrono::microseconds spin_time{0};
  int n_workers;
  std::unique_ptr<Worker[]> workers;
};

ThreadPool::Impl::Impl(int n_threads) : n_workers(n_threads - 1), workers(new Worker[n_threads - 1]) {
  // With more threads than processors a spinning one takes the processor from one with work.  A pool of one does not
  // ask: the first answer takes a third of a millisecond.
  if (n_threads > 1 && n_threads <= cpu_info().n_cores) spin_time = kSpinTime;
}

ThreadPool::Impl::~Impl() {
  job.stop = true;
  wake_workers(n_workers);
  for (int index = 0; index < n_workers; ++index) {
    if (workers[index].thread.joinable()) workers[index].thread.join();
  }
}

int64_t ThreadPool::Impl::finish_piece(int64_t index, int thread) {
  const int64_t begin = index * job.grain;
  const int64_t end = begin + std::min(job.grain, job.n - begin);
  try {
    job.piece(job.context, begin, end, thread);
  } catch (...) {
    if (!failed.exchange(true)) failure = std::current_exception();
    const int64_t cancelled = job.remaining.exchange(0);
    return 1 + std::max<int64_t>(cancelled, 0);
  }
  return 1;
}

int64_t ThreadPool::Impl::take_pieces(int thread) {
  int64_t n_finished = 0;
  // The look before the step keeps the counter near 0 when there is nothing to own.
  while (job.remaining.load(std::memory_order_relaxed) > 0) {
    const int64_t remaining = job.remaining.fetch_sub(1, std::memory_order_acquire);
    if (remaining <= 0) break;
    n_finished += finish_piece(job.n_pieces - remaining, thread);
  }
  return n_finished;
}

void ThreadPool::Impl::work_until_stopped(int thread) {
  Worker& worker = workers[thread - 1];
  while (!job.stop) {
    if (!spin_until(spin_time, [this] { return has_news(); })) {
      park(worker);
      wake_workers(std::min<int64_t>(job.remaining, kWakesPerThread));
    }
    const int64_t n_finished = take_pieces(thread);
    if (n_finished == 0) continue;
    const bool last = join_line.unfinished.fetch_sub(n_finished) == n_finished;
    // The caller may already be gone, or in another job: then it is woken for nothing and looks again.
    if (last && join_line.caller_parked.exchange(0) == 1) join_line.caller_parked.notify_one();
  }
}

void ThreadPool::Impl::park(Worker& worker) {
  ++n_parked;
  worker.presence = parked;
  if (has_news()) {
    if (worker.presence.exchange(awake) == parked) --n_parked;
    return;
  }
  worker.presence.wait(parked);
  worker.presence = awake;
}

int64_t ThreadPool::Impl::wake_workers(int64_t limit) {
  int64_t n_woken = 0;
  if (limit <= 0 || n_parked == 0) return n_woken;
  for (int index = 0; index < n_workers && n_woken < limit; ++index) {
    std::atomic<uint32_t>& presence = workers[index].presence;
    uint32_t expected = parked;
    if (presence != parked || !presence.compare_exchange_strong(expected, called)) continue;
    --n_parked;
    presence.notify_one();
    ++n_woken;
  }
  return n_woken;
}

void ThreadPool::Impl::part_from_called(int64_t n_called) {
  for (int index = 0; index < n_workers && n_called > 0; ++index) {
    if (workers[index].presence != called) continue;
    send_elsewhere(workers[index].thread);
    --n_called;
  }
}

void ThreadPool::Impl::join(int64_t n_finished) {
  if (join_line.unfinished.fetch_sub(n_finished) == n_finished) return;
  const auto all_finished = [this] { return join_line.unfinished == 0; };
  if (spin_until(spin_time, all_finished)) return;
  for (;;) {
    join_line.caller_parked = 1;
    if (all_finished()) break;
    join_line.caller_parked.wait(1);
  }
  join_line.caller_parked = 0;
}

ThreadPool::ThreadPool(int n_threads) : n_threads_(n_threads) {
  if (n_threads < 1 || n_threads > 1024) {
    throw Error(ErrorCode::invalid_argument,
                "thread pool: " + std::to_string(n_threads) + " threads are out of range; give 1 to 1024");
  }
  impl_ = std::make_unique<Impl>(n_threads);
  for (int thread = 1; thread < n_threads; ++thread) {
    try {
      impl_->workers[thread - 1].thread = start_elsewhere(thread, [impl = impl_.get(), thread] {
        // By the thread itself: another one would have to write a file.
        pthread_setname_np(pthread_self(), ("tidemill-" + std::to_string(thread)).c_str());
        impl->work_until_stopped(thread);
      });
    } catch (const std::system_error& error) {
      throw Error(ErrorCode::io, "thread pool: the system refuses thread " + std::to_string(thread + 1) + " of " +
                                     std::to_string(n_threads) + " (" + error.code().message() +
                                     "); use fewer threads or raise the limit (ulimit -u)");
    }
  }
}

ThreadPool::~ThreadPool() = default;

void ThreadPool::run(int64_t n, int64_t grain, Piece piece, void* context) {
  assert(grain > 0);
  if (n <= 0) return;
  Impl& pool = *impl_;
  if (pool.running.exchange(true)) {
    throw Error(
        ErrorCode::internal,
        "thread pool: parallel_for was called inside a body or from two threads at once; give each its own pool");
  }
  struct Release {
    std::atomic<bool>& running;
    ~Release() { running = false; }
  } const release{pool.running};

  Impl::Job& job = pool.job;
  job.n = n;
  job.grain = grain;
  job.n_pieces = n / grain + (n % grain != 0);
  job.piece = piece;
  job.context = context;
  pool.join_line.unfinished.store(job.n_pieces, std::memory_order_relaxed);
  job.remaining = job.n_pieces - 1;  // the caller owns the first piece; this publishes the fields above
  const int64_t n_called = pool.wake_workers(std::min<int64_t>(job.n_pieces - 1, kWakesPerThread));
  const int64_t first = pool.finish_piece(0, 0);
  pool.part_from_called(n_called);
  pool.join(first + pool.take_pieces(0));
  if (pool.failed) {
    pool.failed = false;
    std::rethrow_exception(std::exchange(pool.failure, nullptr));
  }
}

}  // namespace tidemill
