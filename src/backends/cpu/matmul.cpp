// How a product is cut into tasks, and what the tasks share: the quantised activations.
#include "backends/cpu/matmul.h"

#include <algorithm>
#include <cassert>

#include "backends/cpu/float_matmul.h"
#include "backends/cpu/gemm.h"
#include "backends/cpu/gemv.h"
#include "backends/cpu/task.h"

namespace tidemill {

namespace {

constexpr int kMaxWeights = 8;         // of one pass; more take several passes
constexpr int64_t kMaxPassRows = 512;  // of one pass, which bounds the scratch memory
constexpr int64_t kGemvPieceBytes =
    32768;  // of weights: some microseconds of work, so that handing it out costs little

int64_t round_up(int64_t n, int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}
int64_t ceil_div(int64_t n, int64_t divisor) {
  return (n + divisor - 1) / divisor;
}

// Cuts pieces off a block of memory, each aligned to a vector; without memory it only counts.
class Carver {
 public:
  explicit Carver(std::byte* memory) : memory_(memory) {}
  template <typename T>
  T* take(int64_t n) {
    T* piece = memory_ == nullptr ? nullptr : reinterpret_cast<T*>(memory_ + used_);
    used_ += round_up(n * static_cast<int64_t>(sizeof(T)), kVectorBytes);
    return piece;
  }
  int64_t used_bytes() const { return used_; }

 private:
  std::byte* memory_;
  int64_t used_ = 0;
};

// One pass: at most kMaxPassRows rows of x and kMaxWeights weights that read the same quantised activations.
class Pass {
 public:
  Pass(MatmulContext& context, const Tensor& x, std::span<const Tensor> weights, std::span<const Tensor> outs)
      : context_(context), x_(x), n_products_(static_cast<int>(weights.size())) {
    for (int j = 0; j < n_products_; ++j) {
      products_[j] = {.dtype = weights[j].dtype(),
                      .panels = weights[j].as<const std::byte>(),
                      .n_rows = weights[j].dim(0),
                      .n_cols = weights[j].dim(1),
                      .out = outs[j].as<float>(),
                      .out_stride = outs[j].stride_bytes(0) / static_cast<int64_t>(sizeof(float))};
    }
  }

  void run() {
    quantize();
    if (x_.dim(0) == 1) {
      run_gemv();
    } else {
      run_gemm();
    }
  }

 private:
  bool is_float(const Product& product) const {
    return context_.precision() == Precision::f32 || !panel_format(product.dtype).is_quantized();
  }

  // Quantises x when a product needs it, and makes the terms of each format.
  void quantize() {
    Carver count(nullptr);
    if (!lay_out(count)) return;
    Carver carver(context_.activations(count.used_bytes()));
    lay_out(carver);
    context_.pool().parallel_for(x_.dim(0), 8, [&](int64_t begin, int64_t end, int) {
      quantize_rows(x_, begin, end, quantized_);
      for (int j = 0; j < n_products_; ++j) {
        if (owns_terms_[j]) make_terms(products_[j].dtype, quantized_, begin, end, terms_[j]);
      }
    });
  }

  // Places the arrays of quantized_ and terms_; false when none is needed.
  bool lay_out(Carver& carver) {
    const int64_t n = x_.dim(0), n_cols = x_.dim(1);
    if (std::all_of(products_.begin(), products_.begin() + n_products_,
                    [this](const Product& product) { return is_float(product); })) {
      return false;
    }
    quantized_.n_cols = n_cols;
    quantized_.high = carver.take<int8_t>(n * n_cols);
    quantized_.low = carver.take<int8_t>(n * n_cols);
    quantized_.scale = carver.take<float>(n * n_cols / kGroupLength);
    quantized_.sums = carver.take<int32_t>(n * n_cols / 16);
    for (int j = 0; j < n_products_; ++j) {
      const int twin = terms_twin(j);
      owns_terms_[j] = twin == j && !is_float(products_[j]);
      if (owns_terms_[j]) {
        terms_[j] = carver.take<ActivationTerm>(n * n_cols / panel_format(products_[j].dtype).scale_length);
      } else {
        terms_[j] = terms_[twin];
      }
    }
    return true;
  }

  // The first product whose terms are also those of product j.
  int terms_twin(int j) const {
    const PanelFormat format = panel_format(products_[j].dtype);
    for (int i = 0; i < j; ++i) {
      const PanelFormat other = panel_format(products_[i].dtype);
      if (owns_terms_[i] && other.offset == format.offset && other.scale_length == format.scale_length) return i;
    }
    return j;
  }

  // One row: pieces of some panels each, over all products.
  void run_gemv() {
    int64_t n_panels = 0, n_bytes = 0;
    for (int j = 0; j < n_products_; ++j) {
      n_panels += panel_count(products_[j].n_rows);
      n_bytes += panel_bytes(products_[j].dtype, products_[j].n_rows, products_[j].n_cols);
    }
    if (n_panels == 0 || n_bytes == 0) return;
    const int64_t grain = std::clamp<int64_t>(kGemvPieceBytes * n_panels / n_bytes, 1,
                                              ceil_div(n_panels, 2 * context_.pool().n_threads()));
    TaskScratch* scratch = reserve_thread_scratch();
    context_.pool().parallel_for(n_panels, grain, [&](int64_t begin, int64_t end, int thread) {
      for (int j = 0; j < n_products_ && begin < end; ++j) {
        const int64_t n = panel_count(products_[j].n_rows);
        if (begin < n) gemv_piece(j, begin, std::min(end, n), scratch[thread]);
        begin = std::max<int64_t>(0, begin - n);
        end -= n;
      }
    });
  }

  void gemv_piece(int j, int64_t begin, int64_t end, TaskScratch& scratch) {
    if (!is_float(products_[j])) {
      gemv(products_[j], begin, end, quantized_, terms_[j]);
    } else if (!panel_format(products_[j].dtype).is_quantized()) {
      float_gemv(products_[j], begin, end, x_.row<float>(0));
    } else {
      for (int64_t panel = begin; panel < end; panel += kTaskPanels) {
        float_gemm({products_[j], panel, 0, 1}, x_, scratch);
      }
    }
  }

  // Several rows: tasks of kTaskPanels panels and at most kTaskRows rows.  Tasks with the same rows are neighbours: the
  // activations stay in second-level cache, and packed weights, which each task reads once, are the smaller stream.
  void run_gemm() {
    int64_t n_stripes = 0;
    for (int j = 0; j < n_products_; ++j) n_stripes += ceil_div(panel_count(products_[j].n_rows), kTaskPanels);
    if (n_stripes == 0) return;
    const int64_t n_x = x_.dim(0);
    const int64_t rows = rows_per_task(n_stripes);
    const int64_t n_row_blocks = ceil_div(n_x, rows);
    TaskScratch* scratch = reserve_thread_scratch();
    context_.pool().parallel_for(n_stripes * n_row_blocks, 1, [&](int64_t begin, int64_t end, int thread) {
      for (int64_t task = begin; task < end; ++task) {
        const int64_t first_x = task / n_stripes * rows;
        gemm_task(task % n_stripes, first_x, std::min(first_x + rows, n_x), scratch[thread]);
      }
    });
  }

  // As many as the scratch holds, or fewer where that gives too few tasks for the threads to share evenly; a multiple
  // of every tile's rows.
  int64_t rows_per_task(int64_t n_stripes) const {
    constexpr int64_t kTileMultiple = 24;
    const int64_t n_wanted = ceil_div(4 * context_.pool().n_threads(), n_stripes);
    const int64_t n_blocks = std::max(ceil_div(x_.dim(0), kTaskRows), n_wanted);
    return std::min<int64_t>(kTaskRows, round_up(ceil_div(x_.dim(0), n_blocks), kTileMultiple));
  }

  void gemm_task(int64_t stripe, int64_t first_x, int64_t end_x, TaskScratch& scratch) {
    int j = 0;
    for (int64_t n; stripe >= (n = ceil_div(panel_count(products_[j].n_rows), kTaskPanels)); ++j) stripe -= n;
    const MatmulTask task{products_[j], stripe * kTaskPanels, first_x, end_x};
    if (is_float(products_[j])) {
      float_gemm(task, x_, scratch);
    } else {
      gemm(task, quantized_, terms_[j], scratch);
    }
  }

  TaskScratch* reserve_thread_scratch() {
    const auto bytes = static_cast<int64_t>(sizeof(TaskScratch)) * context_.pool().n_threads();
    return reinterpret_cast<TaskScratch*>(context_.thread_scratch(bytes));
  }

  MatmulContext& context_;
  Tensor x_;
  int n_products_;
  std::array<Product, kMaxWeights> products_{};
  std::array<ActivationTerm*, kMaxWeights> terms_{};
  std::array<bool, kMaxWeights> owns_terms_{};
  QuantizedRows quantized_;
};

}  // namespace

std::byte* MatmulContext::activations(int64_t size_bytes) {
  if (activations_.size_bytes() < size_bytes) activations_ = Storage(size_bytes);
  return activations_.data();
}

std::byte* MatmulContext::thread_scratch(int64_t size_bytes) {
  if (thread_scratch_.size_bytes() < size_bytes) thread_scratch_ = Storage(size_bytes);
  return thread_scratch_.data();
}

void matmul(MatmulContext& context, const Tensor& x, std::span<const Tensor> weights, std::span<const Tensor> outs) {
  assert(weights.size() == outs.size());
  for (const Tensor& weight : weights) {
    if (weight.layout() != Layout::panels) {
      throw Error(ErrorCode::unsupported, "matmul: the weight is not in panels; adopt it by the CPU backend first");
    }
  }
  for (size_t first = 0, end = 0; first < weights.size(); first = end) {
    end = std::min(weights.size(), first + kMaxWeights);
    for (int64_t row = 0; row < x.dim(0); row += kMaxPassRows) {
      const int64_t row_end = std::min(row + kMaxPassRows, x.dim(0));
      std::array<Tensor, kMaxWeights> pass_outs;
      for (size_t j = first; j < end; ++j) pass_outs[j - first] = outs[j].slice(0, row, row_end);
      Pass(context, x.slice(0, row, row_end), weights.subspan(first, end - first), pass_outs).run();
    }
  }
}

}  // namespace tidemill
