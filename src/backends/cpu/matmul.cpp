// How a product is cut into tasks, and what the tasks share: the quantised activations.
#include "backends/cpu/matmul.h"

#include <algorithm>
#include <cassert>

#include "backends/cpu/bf16_matmul.h"
#include "backends/cpu/carver.h"
#include "backends/cpu/float_matmul.h"
#include "backends/cpu/gemm.h"
#include "backends/cpu/gemv.h"
#include "backends/cpu/grain.h"
#include "backends/cpu/halved_gemv.h"
#include "backends/cpu/int8_project.h"
#include "backends/cpu/task.h"
#include "tensor/int8_panels.h"

namespace tidemill {

namespace {

constexpr int kMaxWeights = 8;         // of one pass; more take several passes
constexpr int64_t kMaxPassRows = 512;  // of one pass, which bounds the scratch memory
// Of weights, for a few rows: a thread reads that much in order.  Where pieces end the processor's prefetchers begin
// anew; pieces of 32 KiB took a third longer with two threads and weights in third-level cache.
constexpr int64_t kGemvPieceBytes = 256 << 10;
// Of activations, counted once for each of a piece's tasks: with fewer rows a thread takes several tasks in order,
// since each of them fetches the weights of the next.
constexpr int64_t kGemmPieceRows = 64;

// In what the numbers of a product meet.
enum class Arithmetic : uint8_t { f32, bf16, int8 };

// One pass: at most kMaxPassRows rows and kMaxWeights weights, one input for all or one for each.  Weights of one input
// read the same quantised activations.
class Pass {
 public:
  Pass(MatmulContext& context, std::span<const Tensor> xs, std::span<const Tensor> weights,
       std::span<const Tensor> outs)
      : context_(context), n_rows_(xs[0].dim(0)), n_products_(static_cast<int>(weights.size())) {
    for (int j = 0; j < n_products_; ++j) {
      xs_[j] = inputs_[j] = xs[xs.size() == 1 ? 0 : static_cast<size_t>(j)];
      orders_[j] = weights[j].column_order();
      products_[j] = {.dtype = weights[j].dtype(),
                      .panels = weights[j].as<const std::byte>(),
                      .n_rows = weights[j].dim(0),
                      .n_cols = weights[j].dim(1),
                      .out = outs[j].as<float>(),
                      .out_stride = outs[j].stride_bytes(0) / static_cast<int64_t>(sizeof(float)),
                      .is_halved = weights[j].layout() == Layout::halved_panels};
      arithmetic_[j] = arithmetic_of(products_[j].dtype);
    }
  }

  void run() {
    const Kernel kernel = n_rows_ <= most_gemv_rows() && has_gemv() ? Kernel::gemv : Kernel::gemm;
    quantize(kernel);
    if (kernel == Kernel::gemv) {
      run_gemv();
    } else {
      run_gemm();
    }
  }

 private:
  Arithmetic arithmetic_of(DType weights) const {
    if (context_.precision() == Precision::f32) return Arithmetic::f32;
    if (panel_format(weights).is_quantized()) return Arithmetic::int8;
    return weights == DType::bf16 && has_bf16_products() ? Arithmetic::bf16 : Arithmetic::f32;
  }

  // Whether kernels for a few rows have the arithmetic of all products: f32 has none for quantised weights.
  bool has_gemv() const {
    for (int j = 0; j < n_products_; ++j) {
      if (arithmetic_[j] == Arithmetic::f32 && panel_format(products_[j].dtype).is_quantized()) return false;
    }
    return true;
  }

  // Brings the inputs of products that need it in the order of the weights' columns, rounds or quantises them, and
  // makes the terms of each format.
  void quantize(Kernel kernel) {
    Carver count(nullptr);
    if (!lay_out(count)) return;
    Carver carver(context_.activations(count.used_bytes()));
    lay_out(carver);
    context_.pool().parallel_for(n_rows_, 8, [&](int64_t begin, int64_t end, int) {
      for (int j = 0; j < n_products_; ++j) {
        if (owns_gathered_[j]) gather_rows(j, begin, end);
        if (owns_pairs_[j]) round_rows(xs_[j], begin, end, rounded_[j]);
        if (owns_rows_[j]) quantize_rows(xs_[j], begin, end, quantized_[j]);
        if (owns_terms_[j]) make_terms(products_[j].dtype, kernel, quantized_[j], begin, end, terms_[j]);
      }
    });
  }

  // Places the arrays of xs_ that are not inputs_, of rounded_, quantized_ and terms_; false when none is needed.
  // Formats of one form and one input share them.
  bool lay_out(Carver& carver) {
    bool is_needed = false;
    for (int j = 0; j < n_products_; ++j) {
      if (orders_[j] != nullptr) lay_out_gathered(carver, j);
      if (arithmetic_[j] == Arithmetic::bf16) lay_out_rounded(carver, j);
      if (arithmetic_[j] == Arithmetic::int8) lay_out_quantized(carver, j);
      is_needed = is_needed || arithmetic_[j] != Arithmetic::f32 || orders_[j] != nullptr;
    }
    return is_needed;
  }

  void lay_out_gathered(Carver& carver, int j) {
    const int gathered_twin = twin(j, [](int) { return true; });
    owns_gathered_[j] = gathered_twin == j;
    if (owns_gathered_[j]) {
      const int64_t n_cols = inputs_[j].dim(1);
      xs_[j] = Tensor(carver.take<float>(n_rows_ * n_cols), DType::f32, {n_rows_, n_cols});
    } else {
      xs_[j] = xs_[gathered_twin];
    }
  }

  void gather_rows(int j, int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* const from = inputs_[j].row<float>(row);
      float* const to = xs_[j].row<float>(row);
      for (int64_t k = 0; k < xs_[j].dim(1); ++k) to[k] = from[orders_[j][k]];
    }
  }

  void lay_out_rounded(Carver& carver, int j) {
    const int rows_twin = twin(j, [this](int i) { return owns_pairs_[i]; });
    owns_pairs_[j] = rows_twin == j;
    if (!owns_pairs_[j]) {
      rounded_[j] = rounded_[rows_twin];
      return;
    }
    rounded_[j].n_cols = xs_[j].dim(1);
    rounded_[j].stride = Bf16Rows::stride_for(xs_[j].dim(1));
    rounded_[j].pairs = carver.take<uint32_t>(n_rows_ * rounded_[j].stride);
  }

  void lay_out_quantized(Carver& carver, int j) {
    const int64_t n_cols = xs_[j].dim(1);
    const PanelFormat format = panel_format(products_[j].dtype);
    const ActivationForm form = activation_form(format, context_.precision());
    const int rows_twin = twin(j, [&](int i) { return owns_rows_[i] && quantized_[i].form == form; });
    owns_rows_[j] = rows_twin == j;
    if (owns_rows_[j]) {
      quantized_[j].n_cols = n_cols;
      quantized_[j].form = form;
      quantized_[j].stride = QuantizedRows::stride_for(n_cols);
      quantized_[j].groups = carver.take<ActivationGroup>(n_rows_ * quantized_[j].stride);
      quantized_[j].scale = carver.take<float>(n_rows_ * n_cols / kGroupLength);
      quantized_[j].sums = carver.take<int32_t>(n_rows_ * n_cols / 16);
    } else {
      quantized_[j] = quantized_[rows_twin];
    }
    const int terms_twin = twin(j, [&](int i) {
      const PanelFormat other = panel_format(products_[i].dtype);
      return owns_terms_[i] && quantized_[i].form == form && other.offset == format.offset &&
             other.scale_length == format.scale_length;
    });
    owns_terms_[j] = terms_twin == j;
    terms_[j] =
        owns_terms_[j] ? carver.take<ActivationTerm>(n_rows_ * n_cols / format.scale_length) : terms_[terms_twin];
  }

  // The first product before product j that has its input in its order and is `alike`; j when there is none.
  template <typename Alike>
  int twin(int j, Alike alike) const {
    for (int i = 0; i < j; ++i) {
      const bool is_same = inputs_[i].data() == inputs_[j].data() && inputs_[i].dim(1) == inputs_[j].dim(1);
      if (is_same && orders_[i] == orders_[j] && alike(i)) return i;
    }
    return j;
  }

  // A few rows: pieces of some panels each, over all products.
  void run_gemv() {
    int64_t n_panels = 0, n_bytes = 0;
    for (int j = 0; j < n_products_; ++j) {
      n_panels += panel_count(products_[j].n_rows);
      n_bytes += panel_bytes(products_[j].dtype, products_[j].n_rows, products_[j].n_cols);
    }
    if (n_panels == 0 || n_bytes == 0) return;
    const int n_threads = context_.pool().n_threads();
    const int64_t grain = n_threads == 1 ? n_panels
                                         : std::clamp<int64_t>(kGemvPieceBytes * n_panels / n_bytes, 1,
                                                               ceil_div(n_panels, 2 * n_threads));
    context_.pool().parallel_for(n_panels, grain, [&](int64_t begin, int64_t end, int) {
      for (int j = 0; j < n_products_ && begin < end; ++j) {
        const int64_t n = panel_count(products_[j].n_rows);
        if (begin < n) gemv_piece(j, begin, std::min(end, n));
        begin = std::max<int64_t>(0, begin - n);
        end -= n;
      }
    });
  }

  void gemv_piece(int j, int64_t begin, int64_t end) {
    const Product& product = products_[j];
    switch (arithmetic_[j]) {
      case Arithmetic::int8:
        return product.is_halved ? gemv_halved(product, begin, end, quantized_[j], n_rows_, terms_[j])
                                 : gemv(product, begin, end, quantized_[j], n_rows_, terms_[j]);
      case Arithmetic::bf16:
        return bf16_gemv(product, begin, end, rounded_[j], n_rows_);
      case Arithmetic::f32:
        return float_gemv(product, begin, end, xs_[j]);
    }
  }

  // Several rows: tasks of kTaskPanels panels and at most kTaskRows rows.  Tasks with the same rows are neighbours: the
  // activations stay in second-level cache, and packed weights, which each task reads once, are the smaller stream.
  void run_gemm() {
    int64_t n_stripes = 0;
    for (int j = 0; j < n_products_; ++j) n_stripes += ceil_div(panel_count(products_[j].n_rows), kTaskPanels);
    if (n_stripes == 0) return;
    const int64_t rows = rows_per_task(n_stripes);
    const int64_t n_row_blocks = ceil_div(n_rows_, rows);
    const int64_t n_tasks = n_stripes * n_row_blocks;
    const int64_t most = ceil_div(n_tasks, 4 * context_.pool().n_threads());
    const int64_t grain = std::clamp<int64_t>(kGemmPieceRows / n_rows_, 1, most);
    TaskScratch* scratch = reserve_thread_scratch();
    context_.pool().parallel_for(n_tasks, grain, [&](int64_t begin, int64_t end, int thread) {
      for (int64_t task = begin; task < end; ++task) {
        const int64_t first_x = task / n_stripes * rows;
        gemm_task(task % n_stripes, first_x, std::min(first_x + rows, n_rows_), scratch[thread]);
      }
    });
  }

  // As many as the scratch holds, or fewer where that gives too few tasks for the threads to share evenly; a multiple
  // of every tile's rows.
  int64_t rows_per_task(int64_t n_stripes) const {
    constexpr int64_t kTileMultiple = 24;
    const int64_t n_wanted = ceil_div(4 * context_.pool().n_threads(), n_stripes);
    const int64_t n_blocks = std::max(ceil_div(n_rows_, kTaskRows), n_wanted);
    return std::min<int64_t>(kTaskRows, round_up(ceil_div(n_rows_, n_blocks), kTileMultiple));
  }

  void gemm_task(int64_t stripe, int64_t first_x, int64_t end_x, TaskScratch& scratch) {
    int j = 0;
    for (int64_t n; stripe >= (n = ceil_div(panel_count(products_[j].n_rows), kTaskPanels)); ++j) stripe -= n;
    const MatmulTask task{products_[j], stripe * kTaskPanels, first_x, end_x};
    switch (arithmetic_[j]) {
      case Arithmetic::int8:
        return gemm(task, quantized_[j], terms_[j], scratch);
      case Arithmetic::bf16:
        return bf16_gemm(task, rounded_[j], scratch);
      case Arithmetic::f32:
        return float_gemm(task, xs_[j], scratch);
    }
  }

  TaskScratch* reserve_thread_scratch() {
    const auto bytes = static_cast<int64_t>(sizeof(TaskScratch)) * context_.pool().n_threads();
    return reinterpret_cast<TaskScratch*>(context_.thread_scratch(bytes));
  }

  MatmulContext& context_;
  int64_t n_rows_;
  int n_products_;
  std::array<Tensor, kMaxWeights> inputs_{}, xs_{};  // xs_: in the order of the weight's columns
  std::array<const int32_t*, kMaxWeights> orders_{};
  std::array<Product, kMaxWeights> products_{};
  std::array<Arithmetic, kMaxWeights> arithmetic_{};
  std::array<ActivationTerm*, kMaxWeights> terms_{};
  std::array<bool, kMaxWeights> owns_gathered_{}, owns_pairs_{}, owns_rows_{}, owns_terms_{};
  std::array<Bf16Rows, kMaxWeights> rounded_{};
  std::array<QuantizedRows, kMaxWeights> quantized_{};
};

// Where some weights are in int8 panels, which have products of their own.
void multiply_one_by_one(MatmulContext& context, std::span<const Tensor> xs, std::span<const Tensor> weights,
                         std::span<const Tensor> outs) {
  for (size_t j = 0; j < weights.size(); ++j) {
    const std::span<const Tensor> x = xs.size() == 1 ? xs : xs.subspan(j, 1);
    const std::span<const Tensor> weight = weights.subspan(j, 1), out = outs.subspan(j, 1);
    const Tensor no_bias;
    if (is_int8_panels(weight[0])) {
      project_int8(context, op::Project{x[0], weight, {&no_bias, 1}, Activation::identity, out});
    } else {
      matmul(context, x, weight, out);
    }
  }
}

}  // namespace

std::byte* MatmulContext::activations(int64_t size_bytes) {
  // GCC 12 vectorises the strands of float_matmul.cpp without regard to their gaps (scalar target): a load may reach
  // one number past the last row.
  size_bytes += kVectorBytes;
  if (activations_.size_bytes() < size_bytes) activations_ = Storage(size_bytes);
  return activations_.data();
}

std::byte* MatmulContext::thread_scratch(int64_t size_bytes) {
  if (thread_scratch_.size_bytes() < size_bytes) thread_scratch_ = Storage(size_bytes);
  return thread_scratch_.data();
}

void matmul(MatmulContext& context, std::span<const Tensor> xs, std::span<const Tensor> weights,
            std::span<const Tensor> outs) {
  assert(weights.size() == outs.size() && (xs.size() == 1 || xs.size() == weights.size()));
  if (std::ranges::any_of(weights, is_int8_panels)) return multiply_one_by_one(context, xs, weights, outs);
  for (const Tensor& weight : weights) {
    if (weight.layout() == Layout::rows) {
      throw Error(ErrorCode::unsupported, "matmul: the weight is not in panels; adopt it by the CPU backend first");
    }
  }
  for (size_t first = 0, end = 0; first < weights.size(); first = end) {
    end = std::min(weights.size(), first + kMaxWeights);
    const std::span<const Tensor> inputs = xs.size() == 1 ? xs : xs.subspan(first, end - first);
    for (int64_t row = 0; row < xs[0].dim(0); row += kMaxPassRows) {
      const int64_t row_end = std::min(row + kMaxPassRows, xs[0].dim(0));
      std::array<Tensor, kMaxWeights> pass_xs, pass_outs;
      for (size_t j = 0; j < inputs.size(); ++j) pass_xs[j] = inputs[j].slice(0, row, row_end);
      for (size_t j = first; j < end; ++j) pass_outs[j - first] = outs[j].slice(0, row, row_end);
      Pass(context, std::span(pass_xs).first(inputs.size()), weights.subspan(first, end - first), pass_outs).run();
    }
  }
}

}  // namespace tidemill
