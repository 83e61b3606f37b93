// Quantising a model: the model is built as for running it, its matrices are replaced by their codes one after another,
// and the file is written as a conversion writes it.  Methods that want to know what enters a matrix let a second model
// read the calibration text before.
#include "tidemill/quantize.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "api/calibration.h"
#include "api/convert_gguf.h"
#include "api/convert_tmill.h"
#include "api/model_file.h"
#include "api/plain_rows.h"
#include "api/quantize_eval.h"
#include "api/sensitivity.h"
#include "compress/quantize/awq.h"
#include "compress/quantize/bit_plan.h"
#include "compress/quantize/block_choice.h"
#include "compress/quantize/block_coder.h"
#include "compress/quantize/feedback.h"
#include "compress/quantize/input_recorder.h"
#include "compress/quantize/round_matrix.h"
#include "formats/tmill.h"
#include "models/registry.h"
#include "sys/thread_pool.h"
#include "tensor/storage.h"
#include "tidemill/error.h"
#include "tidemill/model_store.h"
#include "tidemill/stopwatch.h"
#include "tidemill/system.h"

namespace tidemill {
namespace {

// Shares of the work that are done when a step ends.
struct Schedule {
  double read = 0, probed = 0, quantised = 0.9;
};
constexpr Schedule kUncalibrated = {}, kCalibrated = {0.4, 0.4, 0.95}, kProbed = {0.3, 0.6, 0.95};

constexpr double kDamping = 0.01;
constexpr int kDescents = 4;
constexpr int64_t kSampleRows = 48;  // of a matrix, from which its errors in each format are estimated

// What the best method chooses from.
constexpr DType kCandidates[] = {DType::q2_k, DType::q3_k,   DType::iq4_xs, DType::q4_k, DType::q5_k,
                                 DType::q6_k, DType::iq4_nl, DType::q5_1,   DType::q8_0};

using Write = ConvertReport (*)(const ModelFile& file, const std::string& out, const ConvertOptions& options,
                                std::unique_ptr<Model> model);

Write writer_of(const std::string& out) {
  if (out.ends_with(".gguf")) return write_gguf;
  if (out.ends_with(kTmillEnding)) return write_tmill;
  throw Error(ErrorCode::invalid_argument,
              out + ": its ending names no format that holds quantised weights; give NAME.gguf or NAME.tmill");
}

// A matrix of the model, to be replaced.
struct Matrix {
  std::string name;
  Tensor* weight;  // the model's
  DType dtype;     // that it gets
};

class Quantizer {
 public:
  Quantizer(const ModelFile& file, const std::string& out, const QuantizeOptions& options);

  QuantizeReport run();

 private:
  void list_matrices();
  std::optional<DType> dtype_for(const Tensor& weight) const;
  void calibrate();
  void fold_scales();
  void fold(const ScaleFold& fold);
  void divide_vector(const std::string& name, const std::vector<float>& factors);
  MatrixSource sample_of(const Matrix& matrix) const;
  const Matrix* find(const std::string& name) const;
  void plan();
  std::vector<FormatChoice> choices_for(const Matrix& matrix, std::vector<DType>& dtypes);
  void quantize(const Matrix& matrix);
  MatrixSource source_of(const Matrix& matrix) const;
  void apply_factors(const std::string& name, int64_t row, std::span<float> values) const;
  ErrorSums encode(const Matrix& matrix, const MatrixSource& source, MatrixCoder& coder, int n_descents);
  const FeedbackFactors* factors_of(const Matrix& matrix);
  void write();
  void report_progress(double share) const;

  const ModelFile& file_;
  const std::string& out_;
  const QuantizeOptions& options_;
  Write write_;
  bool keeps_f32_;  // of the tensors that llama.cpp wants so
  ThreadPool pool_;
  std::vector<Storage> memory_;  // of the codes; it outlives the model
  std::unique_ptr<Model> model_;
  std::vector<Matrix> matrices_;
  int64_t n_other_bytes_ = 0;  // of what stays as it is
  Schedule schedule_ = kUncalibrated;
  std::map<std::string, std::shared_ptr<const InputRecord>> records_;       // of what enters matrices, by name
  std::map<std::string, std::vector<float>> column_factors_, row_factors_;  // of matrices, by name
  std::map<std::string, double> sensitivity_;
  std::shared_ptr<const InputRecord> factored_;  // what factors_ were made of
  std::unique_ptr<FeedbackFactors> factors_;
  QuantizeReport report_;
};

Quantizer::Quantizer(const ModelFile& file, const std::string& out, const QuantizeOptions& options)
    : file_(file),
      out_(out),
      options_(options),
      write_(writer_of(out)),
      keeps_f32_(write_ == write_gguf),
      pool_(options.threads > 0 ? options.threads : cpu_info().n_cores),
      model_(make_model(file.source())) {
  if (options.type && !is_made_in_blocks(*options.type))
    throw Error(ErrorCode::invalid_argument, "--type: no matrix is made in " + std::string(info(*options.type).name) +
                                                 "; give one of q2_k to q6_k, q4_0 to q8_0, iq4_nl, iq4_xs");
  list_matrices();
}

std::optional<DType> Quantizer::dtype_for(const Tensor& weight) const {
  const int64_t n_cols = weight.dim(1);
  if (options_.type) return block_like(*options_.type, n_cols);
  if (options_.method == QuantizeMethod::best) return block_like(DType::q4_k, n_cols);  // until there is a plan
  if (options_.bits != std::floor(options_.bits))
    throw Error(ErrorCode::invalid_argument, "--bits: only the best method, which mixes formats, takes fractions");
  return block_for({.bits = static_cast<int>(options_.bits),
                    .group_size = options_.group_size,
                    .is_symmetric = options_.is_symmetric},
                   n_cols);
}

void Quantizer::list_matrices() {
  model_->visit_params([&](std::string_view name, Tensor& weight, WeightRole role) {
    report_.n_weights += weight.n_elements();
    const bool is_plain = keeps_f32_ && is_f32_in_gguf(name);
    const bool is_matrix = role != WeightRole::vector && weight.shape().rank() == 2 && !is_plain;
    const auto dtype = is_matrix ? dtype_for(weight) : std::nullopt;
    if (dtype) {
      matrices_.push_back({std::string(name), &weight, *dtype});
    } else {
      const DType kept = role == WeightRole::vector || is_plain ? DType::f32 : weight.dtype();
      n_other_bytes_ += weight.n_elements() / info(kept).block_length * info(kept).block_bytes;
    }
  });
  if (matrices_.empty())
    throw Error(ErrorCode::unsupported, file_.weights().path() +
                                            ": has no matrix whose rows hold whole blocks of 32 weights; there is "
                                            "nothing to quantise");
}

QuantizeReport Quantizer::run() {
  if (options_.method != QuantizeMethod::rtn) calibrate();
  if (options_.method == QuantizeMethod::awq) fold_scales();
  if (options_.method == QuantizeMethod::best && !options_.type) plan();
  int64_t n_total = 0, n_done = 0;
  for (const Matrix& matrix : matrices_) n_total += matrix.weight->n_elements();
  for (const Matrix& matrix : matrices_) {
    quantize(matrix);
    n_done += matrix.weight->n_elements();
    report_progress(schedule_.probed + (schedule_.quantised - schedule_.probed) * static_cast<double>(n_done) /
                                           static_cast<double>(n_total));
  }
  write();
  return std::move(report_);
}

void Quantizer::calibrate() {
  schedule_ = options_.method == QuantizeMethod::best ? kProbed : kCalibrated;
  const CalibrationText text = calibration_text(file_, *model_, options_.calibration);
  CalibrationModel reader(file_, pool_);
  InputRecorder recorder(reader.kernels(), pool_);
  reader.model().visit_params([&](std::string_view name, Tensor& weight, WeightRole role) {
    const bool is_wanted = std::ranges::any_of(matrices_, [&](const Matrix& one) { return one.name == name; });
    if (is_wanted && role != WeightRole::embedding) recorder.watch(weight, name, role);
  });
  reader.read(text, recorder, [&](double share) { report_progress(schedule_.read * share); });
  std::vector<std::string> names;
  for (const Matrix& matrix : matrices_) {
    names.push_back(matrix.name);
    if (auto record = recorder.find(matrix.name)) records_[matrix.name] = std::move(record);
  }
  if (options_.method != QuantizeMethod::best || options_.type) return;
  sensitivity_ = measure_sensitivity(reader, text, names, [&](double share) {
    report_progress(schedule_.read + (schedule_.probed - schedule_.read) * share);
  });
}

const Matrix* Quantizer::find(const std::string& name) const {
  const auto found = std::ranges::find(matrices_, name, &Matrix::name);
  return found == matrices_.end() ? nullptr : &*found;
}

void Quantizer::fold_scales() {
  for (const ScaleFold& one : scale_folds(*model_)) {
    const bool is_ours =
        std::ranges::all_of(one.consumers, [&](const std::string& name) { return find(name) && records_[name]; });
    if (is_ours && (one.producer.empty() || find(one.producer))) fold(one);
  }
}

// Finds the factors of inputs and moves them from those who give the inputs to those who read them.
void Quantizer::fold(const ScaleFold& fold) {
  std::vector<ScaleConsumer> consumers;
  for (const std::string& name : fold.consumers) {
    const Matrix& matrix = *find(name);
    const int64_t n_cols = matrix.weight->dim(1);
    consumers.push_back(
        {.sample = sample_of(matrix),
         .coder = [&matrix,
                   n_cols](std::byte* target) { return std::make_unique<BlockCoder>(matrix.dtype, n_cols, target); },
         .dtype = matrix.dtype});
  }
  const auto record = records_[fold.consumers.front()];
  const std::vector<float> factors = search_scales(pool_, consumers, *record);
  const auto scaled = std::make_shared<const InputRecord>(divided(*record, factors));
  for (const std::string& name : fold.consumers) {
    column_factors_[name] = factors;
    records_[name] = scaled;
  }
  std::vector<float> inverses;
  for (const float factor : factors) inverses.push_back(1 / factor);
  if (!fold.producer.empty()) row_factors_[fold.producer] = inverses;
  for (const std::string& name : fold.vectors) divide_vector(name, factors);
}

void Quantizer::divide_vector(const std::string& name, const std::vector<float>& factors) {
  model_->visit_params([&](std::string_view of, Tensor& vector, WeightRole) {
    if (of != name) return;
    memory_.emplace_back(static_cast<int64_t>(factors.size() * sizeof(float)));
    const Tensor divided_one(memory_.back().data(), DType::f32, vector.shape());
    read_row(vector, 0, {divided_one.as<float>(), factors.size()});
    for (size_t i = 0; i < factors.size(); ++i) divided_one.as<float>()[i] /= factors[i];
    vector = divided_one;
  });
}

// Some of its rows.
MatrixSource Quantizer::sample_of(const Matrix& matrix) const {
  MatrixSource sample = source_of(matrix);
  const int64_t n_sampled = std::min(sample.n_rows, kSampleRows), step = sample.n_rows / n_sampled;
  sample.n_rows = n_sampled;
  sample.read = [all = sample.read, step](int64_t row, std::span<float> values) { all(row * step, values); };
  return sample;
}

// The expected loss of a matrix in each format that it can have: its relative error there, seen on some of its rows,
// times what the model suffers from such errors.
std::vector<FormatChoice> Quantizer::choices_for(const Matrix& matrix, std::vector<DType>& dtypes) {
  std::vector<FormatChoice> choices;
  const MatrixSource sample = sample_of(matrix);
  const int64_t n_sampled = sample.n_rows, n_cols = sample.n_cols;
  for (const DType dtype : kCandidates) {
    if (n_cols % info(dtype).block_length != 0) continue;
    std::vector<std::byte> memory(static_cast<size_t>(size_bytes(dtype, {n_sampled, n_cols})));
    BlockCoder coder(dtype, n_cols, memory.data());
    const double error = encode(matrix, sample, coder, 0).relative();
    dtypes.push_back(dtype);
    choices.push_back({size_bytes(dtype, matrix.weight->shape()), error * sensitivity_[matrix.name]});
  }
  return choices;
}

void Quantizer::plan() {
  std::vector<std::vector<FormatChoice>> choices;
  std::vector<std::vector<DType>> dtypes(matrices_.size());
  for (size_t i = 0; i < matrices_.size(); ++i) choices.push_back(choices_for(matrices_[i], dtypes[i]));
  const auto budget = static_cast<int64_t>(options_.bits / 8 * static_cast<double>(report_.n_weights)) - n_other_bytes_;
  const std::vector<size_t> chosen = plan_formats(choices, budget);
  int64_t n_bytes = 0;
  for (size_t i = 0; i < matrices_.size(); ++i) {
    matrices_[i].dtype = dtypes[i][chosen[i]];
    n_bytes += choices[i][chosen[i]].bytes;
  }
  if (n_bytes > budget)
    throw Error(
        ErrorCode::invalid_argument,
        "--bits: this model cannot have " + std::to_string(options_.bits) + " bits a weight in such a file; " +
            std::to_string(8 * static_cast<double>(n_bytes + n_other_bytes_) / static_cast<double>(report_.n_weights)) +
            " are the least");
}

void Quantizer::report_progress(double share) const {
  if (options_.on_progress && !options_.on_progress(share))
    throw Error(ErrorCode::cancelled, out_ + ": interrupted; nothing is kept");
}

void Quantizer::apply_factors(const std::string& name, int64_t row, std::span<float> values) const {
  if (const auto found = column_factors_.find(name); found != column_factors_.end())
    for (size_t i = 0; i < values.size(); ++i) values[i] *= found->second[i];
  if (const auto found = row_factors_.find(name); found != row_factors_.end())
    for (float& value : values) value *= found->second[static_cast<size_t>(row)];
}

MatrixSource Quantizer::source_of(const Matrix& matrix) const {
  const Tensor weight = *matrix.weight;
  return {.n_rows = weight.dim(0),
          .n_cols = weight.dim(1),
          .read = [this, weight, &matrix](int64_t row, std::span<float> values) {
            read_row(weight, row, values);
            apply_factors(matrix.name, row, values);
            if (std::ranges::all_of(values, [](float value) { return std::isfinite(value); })) return;
            throw Error(ErrorCode::bad_file, file_.weights().path() + ": weight '" + matrix.name +
                                                 "' holds NaN or an infinity in row " + std::to_string(row) +
                                                 "; the file is damaged, or training it went wrong");
          }};
}

// Of the matrix's inputs; null when they were not seen.  Matrices that share their inputs follow each other.
const FeedbackFactors* Quantizer::factors_of(const Matrix& matrix) {
  const auto record = records_.find(matrix.name);
  if (record == records_.end()) return nullptr;
  if (factored_ != record->second) {
    factored_ = record->second;
    SquareMatrix gram = factored_->gram;
    mirror(gram);
    factors_ = std::make_unique<FeedbackFactors>(pool_, std::move(gram), kDamping);
  }
  return factors_.get();
}

ErrorSums Quantizer::encode(const Matrix& matrix, const MatrixSource& source, MatrixCoder& coder, int n_descents) {
  const ScaleSearch search = options_.keeps_range ? ScaleSearch::plain : ScaleSearch::least_error;
  if (options_.method == QuantizeMethod::awq && records_.contains(matrix.name)) {
    MatrixSource weighted = source;
    const std::vector<float> importance = importance_of(*records_[matrix.name]);
    weighted.importance = importance;
    return round_matrix(pool_, weighted, search, coder);
  }
  const FeedbackFactors* const factors = factors_of(matrix);
  if (factors == nullptr) return round_matrix(pool_, source, search, coder);
  return quantize_with_feedback(pool_, source, *factors, {.search = search, .n_descents = n_descents}, coder);
}

void Quantizer::quantize(const Matrix& matrix) {
  const Tensor original = *matrix.weight;
  memory_.emplace_back(size_bytes(matrix.dtype, original.shape()));
  BlockCoder coder(matrix.dtype, original.dim(1), memory_.back().data());
  const int n_descents = options_.method == QuantizeMethod::best ? kDescents : 0;
  const ErrorSums sums = encode(matrix, source_of(matrix), coder, n_descents);
  *matrix.weight = Tensor(memory_.back().data(), matrix.dtype, original.shape());
  file_.weights().release(original);
  model_->drop_made(original);
  report_.n_weight_bytes += size_bytes(matrix.dtype, original.shape());
  report_.tensors.push_back({.name = matrix.name,
                             .dtype = matrix.dtype,
                             .n_weights = original.n_elements(),
                             .relative_error = sums.relative()});
}

void Quantizer::write() {
  const auto progress = [&](double share) {
    return !options_.on_progress || options_.on_progress(schedule_.quantised + (1 - schedule_.quantised) * share);
  };
  const ConvertReport written =
      write_(file_, out_, {.threads = pool_.n_threads(), .on_progress = progress}, std::move(model_));
  report_.format = written.format;
  report_.n_bytes = written.n_bytes;
  report_.n_weight_bytes += n_other_bytes_;
}

}  // namespace

QuantizeReport quantize_model(const std::string& model, const std::string& out, const QuantizeOptions& options) {
  const Stopwatch stopwatch;
  const auto file = open_model_file(resolve_model(model));
  if (file->source().onnx)
    throw Error(ErrorCode::unsupported,
                model + ": is a graph, which cannot be quantised; give the folder or the GGUF that it was made from");
  QuantizeReport report = Quantizer(*file, out, options).run();
  report.seconds = stopwatch.seconds();
  if (!options.eval.empty()) {
    report.loss = compare_models(model, out, options.eval, options.threads, [&](double) {
      if (options.on_progress && !options.on_progress(1))
        throw Error(ErrorCode::cancelled, out + ": is written; the comparison was interrupted");
    });
  }
  return report;
}

}  // namespace tidemill
