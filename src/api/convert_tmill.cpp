// The model is built as for running it, so that what is written is what would be computed with; then each weight is
// laid out and written, some panels at a time, and leaves memory.
#include "api/convert_tmill.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "api/sentence_files.h"
#include "api/tensor_stream.h"
#include "backends/cpu/pack.h"
#include "formats/tmill.h"
#include "models/registry.h"
#include "sys/thread_pool.h"
#include "tensor/dequantize.h"
#include "tensor/panels.h"
#include "tidemill/error.h"
#include "tidemill/system.h"

namespace tidemill {
namespace {

// Tensors of a GGUF that are no weights of the model's layers; how they are used, its metadata say.
constexpr std::array<std::string_view, 5> kConfigurationTensors = {
    "rope_freqs.weight", "rope_factors_short.weight", "rope_factors_long.weight", "dense_2.weight", "dense_3.weight"};

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// What is written, in the order of the file.
class TmillContent {
 public:
  TmillContent(const ModelFile& file, std::unique_ptr<Model> model);

  const std::vector<StreamedTensor>& tensors() const { return tensors_; }
  const SafetensorsMetadata& metadata() const { return metadata_; }

 private:
  void add(StreamedTensor tensor);
  void add_vector(const std::string& name, const Tensor& vector);
  void add_matrix(const std::string& name, const Tensor& matrix, WeightRole role);
  ByteSource halved_source(const Tensor& matrix) const;
  void add_files();

  const ModelFile& file_;
  std::unique_ptr<Model> model_;
  std::vector<StreamedTensor> tensors_;
  SafetensorsMetadata metadata_;
  uint64_t n_bytes_ = 0;   // of tensors_
  size_t n_paddings_ = 0;  // among tensors_
  std::unique_ptr<CompanionFiles> companions_;
  std::string gguf_metadata_;
};

TmillContent::TmillContent(const ModelFile& file, std::unique_ptr<Model> model)
    : file_(file), model_(model ? std::move(model) : make_model(file.source())), companions_(file.companions()) {
  metadata_ = {{"format", "tmill"}, {"version", std::to_string(kTmillVersion)}, {"architecture", file.architecture()}};
  // Vectors lie side by side: together they are a few pages.
  model_->visit_params([&](std::string_view name, Tensor& weight, WeightRole role) {
    if (role == WeightRole::vector) add_vector(std::string(name), weight);
  });
  for (const std::string_view name : kConfigurationTensors) {
    const auto found = file.source().gguf != nullptr ? file.source().gguf->find(name) : std::nullopt;
    if (found) add_vector(std::string(name), *found);
  }
  model_->visit_params([&](std::string_view name, Tensor& weight, WeightRole role) {
    if (role != WeightRole::vector) add_matrix(std::string(name), weight, role);
  });
  add_files();
}

// With what brings it to a multiple of the alignment.
void TmillContent::add(StreamedTensor tensor) {
  static constexpr std::array<std::byte, kTmillAlignment> kZeros{};
  if (const size_t past = n_bytes_ % kTmillAlignment; past != 0) {
    const auto zeros = std::span(kZeros).first(kTmillAlignment - past);
    tensors_.push_back(bytes_tensor(std::string(kTmillPaddingPrefix) + std::to_string(n_paddings_++), zeros));
    n_bytes_ += zeros.size();
  }
  n_bytes_ += tensor.spec.n_bytes();
  tensors_.push_back(std::move(tensor));
}

void TmillContent::add_vector(const std::string& name, const Tensor& vector) {
  add({tmill_vector(name, vector.shape()),
       {.n_units = 1,
        .unit_bytes = vector.n_elements() * static_cast<int64_t>(sizeof(float)),
        .make = [vector](int64_t, int64_t, std::byte* target) {
          dequantize(vector.dtype(), vector.data(),
                     {reinterpret_cast<float*>(target), static_cast<size_t>(vector.n_elements())});
        }}});
}

// Both halves of a panel are made from the same rows, which are read twice, then.
ByteSource TmillContent::halved_source(const Tensor& matrix) const {
  const int64_t n_units = panel_bytes(matrix.dtype(), matrix.dim(0), matrix.dim(1)) / kVectorBytes;
  return {.n_units = n_units,
          .unit_bytes = kVectorBytes,
          .make =
              [matrix](int64_t begin, int64_t end, std::byte* target) {
                pack_halved_bytes(matrix, begin * kVectorBytes, end * kVectorBytes, target);
              },
          .done =
              [this, matrix, n_units](int64_t, int64_t end) {
                if (end == n_units) file_.weights().release(matrix);
              }};
}

void TmillContent::add_matrix(const std::string& name, const Tensor& matrix, WeightRole role) {
  const bool is_to_halve = matrix.layout() == Layout::rows && gives_scores(role) &&
                           is_worth_halving(matrix.dtype(), matrix.dim(0), matrix.dim(1));
  const Layout made = is_to_halve ? Layout::halved_panels : Layout::panels;
  const Layout layout = matrix.layout() == Layout::rows ? made : matrix.layout();
  metadata_.emplace_back(name, tmill_description(layout, matrix.dtype(), matrix.shape()));
  const int64_t n_panels = panel_count(matrix.dim(0)), stride = panel_stride(matrix.dtype(), matrix.dim(1));
  ByteSource source;
  if (is_to_halve) {
    source = halved_source(matrix);
  } else if (matrix.layout() != Layout::rows) {
    source.bytes = {matrix.as<std::byte>(), static_cast<size_t>(n_panels * stride)};
  } else {
    source = {
        .n_units = n_panels,
        .unit_bytes = stride,
        .make = [matrix](int64_t begin, int64_t end, std::byte* target) { pack_panels(matrix, begin, end, target); },
        .done =
            [this, matrix](int64_t begin, int64_t end) {
              const int64_t last = std::min(matrix.dim(0), end * kPanelRows);
              file_.weights().release(matrix.slice(0, begin * kPanelRows, last));
            }};
  }
  add({tmill_matrix(name, matrix.dtype(), matrix.shape()), std::move(source)});
  if (const int32_t* const order = matrix.column_order()) {
    const auto bytes = std::as_bytes(std::span(order, static_cast<size_t>(matrix.dim(1))));
    add({tmill_column_order(name, matrix.dim(1)), {.bytes = bytes}});
  }
}

// What else the model needs to be run: configuration, tokenizer, chat template.
void TmillContent::add_files() {
  const auto add_file = [this](const std::string& name, std::span<const std::byte> bytes) {
    if (!bytes.empty()) add(bytes_tensor(std::string(kTmillFilePrefix) + name, bytes));
  };
  if (const GgufFile* const gguf = file_.source().gguf) {
    gguf_metadata_ = gguf->metadata_file();
    return add_file(std::string(kTmillGgufFile), bytes_of(gguf_metadata_));
  }
  metadata_.emplace_back("config", companions_->text("config.json"));
  for (const auto& names : {kept_files(*companions_), sentence_file_names(*companions_)})
    for (const std::string& name : names) add_file(name, bytes_of(companions_->text(name)));
}

}  // namespace

ConvertReport write_tmill(const ModelFile& file, const std::string& out, const ConvertOptions& options,
                          std::unique_ptr<Model> model) {
  if (options.dtype) {
    throw Error(ErrorCode::invalid_argument,
                "--dtype: a .tmill keeps every matrix as it is; leave it out, or write a plain format");
  }
  const TmillContent content(file, std::move(model));
  ThreadPool pool(options.threads > 0 ? options.threads : cpu_info().n_cores);
  return {.format = "tmill",
          .n_tensors = std::ssize(content.tensors()),
          .n_bytes = write_tensors(out, content.tensors(), content.metadata(), pool, options.on_progress)};
}

}  // namespace tidemill
