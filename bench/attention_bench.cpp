// Speed of the CPU attention:  attention_bench [N_THREADS...]      (1 and 2 threads by default)
//
// Prefill: one prompt in one call, in GFLOP/s of the scores and values that its queries see.  Whole: the same for a
// text that an encoder reads, without a cache.  Decode: one query behind a filled cache, in GB/s of the keys and values
// that it sees; those of the longer texts are in no processor's cache.  Medians of rounds that take all measurements in
// turn, so that a disturbance hits all of them; `limits_bench` says what the machine can do at best.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "backends/cpu/attention.h"
#include "backends/cpu/isa.h"
#include "tensor/storage.h"
#include "tidemill/error.h"
#include "tidemill/system.h"

namespace {

using tidemill::Attention;
using tidemill::AttentionOptions;
using tidemill::DType;
using tidemill::StateRun;
using tidemill::Storage;
using tidemill::Tensor;
using tidemill::ThreadPool;

struct Form {
  const char* name;
  AttentionOptions options;
};

constexpr Form kForms[] = {
    {"gemma3-270m global", {.n_heads = 4, .n_kv_heads = 1, .head_dim = 256, .scale = 0.0625f}},
    {"gemma3-270m window", {.n_heads = 4, .n_kv_heads = 1, .head_dim = 256, .scale = 0.0625f, .window = 512}},
    {"llama-1b", {.n_heads = 32, .n_kv_heads = 8, .head_dim = 64, .scale = 0.125f}},
    {"multi-head", {.n_heads = 12, .n_kv_heads = 12, .head_dim = 64, .scale = 0.125f}},
};
constexpr Form kEncoder = {"all-minilm-l6-v2",
                           {.n_heads = 12, .n_kv_heads = 12, .head_dim = 32, .scale = 0.177f, .both_ways = true}};

class Case {
 public:
  Case(const Form& form, int n_threads, int64_t first_pos, int64_t n_rows)
      : form_(form), pool_(n_threads), attention_(pool_), first_pos_(first_pos), n_rows_(n_rows) {
    const int64_t width = form.options.n_heads * form.options.head_dim;
    const int64_t kv_width = form.options.n_kv_heads * form.options.head_dim;
    q_ = tensor(DType::f32, n_rows, width);
    k_ = tensor(DType::f32, n_rows, kv_width);
    v_ = tensor(DType::f32, n_rows, kv_width);
    out_ = tensor(DType::f32, n_rows, width);
    run_ = {.first_row = 0, .n_rows = n_rows, .first_pos = first_pos};
    if (form.options.both_ways) return;
    run_.keys = tensor(DType::f16, first_pos + n_rows, kv_width);
    run_.values = tensor(DType::f16, first_pos + n_rows, kv_width);
  }

  void measure() {
    const int n_calls = first_pos_ == 0 && n_rows_ >= 512 ? 1 : first_pos_ > 10000 ? 2 : 50;
    const auto start = std::chrono::steady_clock::now();
    for (int call = 0; call < n_calls; ++call) attention_.compute({q_, k_, v_, {&run_, 1}, form_.options, out_});
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    seconds_.push_back(time.count() / n_calls);
  }

  void report() {
    std::ranges::sort(seconds_);
    const double seconds = seconds_[seconds_.size() / 2];
    const char* const step = form_.options.both_ways ? "whole" : first_pos_ == 0 ? "prefill" : "decode";
    double n_visible = 0;
    for (int64_t pos = first_pos_; pos < first_pos_ + n_rows_; ++pos) {
      const int64_t n_seen = form_.options.both_ways ? n_rows_ : pos + 1;
      n_visible += static_cast<double>(form_.options.window == 0 ? n_seen : std::min(n_seen, form_.options.window));
    }
    const auto elements = static_cast<double>(form_.options.head_dim) * n_visible;
    const double rate = first_pos_ == 0 ? elements * 4 * static_cast<double>(form_.options.n_heads)
                                        : elements * 4 * static_cast<double>(form_.options.n_kv_heads);
    std::printf("%-20s %-8s %6lld %8d %12.1f %10.1f %s\n", form_.name, step,
                static_cast<long long>(first_pos_ + n_rows_), pool_.n_threads(), 1e6 * seconds, rate / seconds / 1e9,
                first_pos_ == 0 ? "GFLOP/s" : "GB/s");
  }

 private:
  // Random numbers between -1 and 1.
  Tensor tensor(DType dtype, int64_t n_rows, int64_t n_cols) {
    const Storage& memory = memory_.emplace_back(tidemill::size_bytes(dtype, {n_rows, n_cols}));
    for (int64_t i = 0; i < n_rows * n_cols; ++i) {
      const int number = std::rand() % 1024;
      if (dtype == DType::f32) {
        reinterpret_cast<float*>(memory.data())[i] = static_cast<float>(number - 512) / 512.0f;
      } else {  // 0.5 to 1, either sign
        reinterpret_cast<uint16_t*>(memory.data())[i] = static_cast<uint16_t>(0x3800 | number | number % 2 << 15);
      }
    }
    return {memory.data(), dtype, {n_rows, n_cols}};
  }

  Form form_;
  ThreadPool pool_;
  Attention attention_;
  int64_t first_pos_, n_rows_;
  std::vector<Storage> memory_;
  Tensor q_, k_, v_, out_;
  StateRun run_;
  std::vector<double> seconds_;
};

}  // namespace

int main(int argc, char** argv) {
  std::vector<int> thread_counts;
  for (int index = 1; index < argc; ++index) thread_counts.push_back(std::atoi(argv[index]));
  if (thread_counts.empty()) thread_counts = {1, 2};
  try {
    tidemill::select_isa();
    std::vector<std::unique_ptr<Case>> cases;
    for (const Form& form : kForms) {
      for (const int n_threads : thread_counts) {
        for (const int64_t n_rows : {512, 2048}) cases.push_back(std::make_unique<Case>(form, n_threads, 0, n_rows));
        for (const int64_t pos : {1023, 16383}) cases.push_back(std::make_unique<Case>(form, n_threads, pos, 1));
      }
    }
    for (const int n_threads : thread_counts)
      for (const int64_t n_rows : {16, 64, 128, 256, 512, 4096})
        cases.push_back(std::make_unique<Case>(kEncoder, n_threads, 0, n_rows));
    for (int round = 0; round < 11; ++round) {
      for (const auto& one : cases) one->measure();
    }
    std::printf("%-20s %-8s %6s %8s %12s   (%s)\n", "form", "step", "pos", "threads", "us",
                tidemill::active_isa().c_str());
    for (const auto& one : cases) one->report();
  } catch (const tidemill::Error& error) {
    std::fprintf(stderr, "attention_bench: %s\n", error.what());
    return tidemill::exit_status(error.code());
  }
}
