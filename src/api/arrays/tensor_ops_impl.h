// What a TensorOps keeps: its threads, and the working memory of products and attention.
#pragma once

#include <optional>

#include "backends/cpu/attention.h"
#include "backends/cpu/matmul.h"
#include "backends/cpu/scratch.h"
#include "sys/open_pool.h"
#include "tidemill/system.h"
#include "tidemill/tensor_ops.h"

namespace tidemill {

// Memory of calls that use one pool, one at a time; it grows to what the largest call needs, up to kKeptFloats.
struct Workspace {
  static constexpr int64_t kKeptFloats = int64_t{16} << 20;

  explicit Workspace(ThreadPool& pool) : exact(pool, Precision::f32), bf16(pool, Precision::fast), attention(pool) {}

  MatmulContext exact, bf16;
  Attention attention;
  Scratch panels;        // of the right factor
  Scratch arguments[3];  // that had to be copied
  Scratch mask;
};

// The pool with its workspace, or a fresh one for the thread's own pool.
class Work {
 public:
  Work(OpenPool& pool, std::optional<Workspace>& shared)
      : lease_(pool), workspace_(lease_.is_shared() ? shared : own_) {
    if (!workspace_) workspace_.emplace(lease_.pool());
  }
  ~Work() {
    if (n_floats_ > Workspace::kKeptFloats) workspace_.reset();
  }
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

  ThreadPool& pool() const { return lease_.pool(); }
  Workspace& space() const { return *workspace_; }
  // Of one of the workspace's scratches.
  float* floats(Scratch& scratch, int64_t n) {
    n_floats_ += n;
    return scratch.floats(n);
  }
  // All of `array` as contiguous f32: itself, or a copy.
  const float* contiguous(const ArrayView& array, Scratch& scratch);

 private:
  OpenPool::Lease lease_;
  std::optional<Workspace> own_;
  std::optional<Workspace>& workspace_;
  int64_t n_floats_ = 0;
};

struct TensorOps::Impl {
  explicit Impl(int n_threads) : pool(n_threads == 0 ? cpu_info().n_cores : n_threads) {}

  OpenPool pool;
  std::optional<Workspace> workspace;  // used by who has the lease; destroyed before the pool
};

}  // namespace tidemill
