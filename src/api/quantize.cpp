// Quantising a model: the model is built as for running it, its matrices are replaced by their codes one after another,
// and the file is written as a conversion writes it.  Methods that want to know what enters a matrix let a second model
// read the calibration text, layer by layer, so that only one layer's weights and what is known of its inputs are in
// memory: once to plan, where formats are mixed, and once to quantise.
#include "tidemill/quantize.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "api/calibration.h"
#include "api/model_file.h"
#include "api/plain_rows.h"
#include "api/quantize_eval.h"
#include "api/quantize_target.h"
#include "api/quantize_work.h"
#include "api/scale_folding.h"
#include "api/sensitivity.h"
#include "compress/quantize/awq.h"
#include "compress/quantize/bit_plan.h"
#include "compress/quantize/coded_matrix.h"
#include "compress/quantize/feedback.h"
#include "compress/quantize/input_recorder.h"
#include "compress/quantize/round_matrix.h"
#include "models/registry.h"
#include "sys/thread_pool.h"
#include "tidemill/error.h"
#include "tidemill/model_store.h"
#include "tidemill/stopwatch.h"
#include "tidemill/system.h"

namespace tidemill {
namespace {

// Shares of the work that are done when a part of it ends.
constexpr double kPlanned = 0.5, kQuantised = 0.95;

// Rounds after feedback; of an output head one, for it has more rows than all other matrices together.
constexpr int kDescents = 4, kHeadDescents = 1;
constexpr int64_t kSampleRows = 48;  // of a matrix, from which its errors in each format are estimated

// A matrix of the model, to be replaced.
struct Matrix {
  std::string name;
  Tensor* weight;     // the model's
  CodeFormat format;  // that it gets
  WeightRole role;
  int64_t step = 0;  // of the reading, in which its inputs are seen
  // What a plan chooses from.
  std::vector<CodeFormat> formats = {};
  std::vector<FormatChoice> choices = {};
};

class Quantizer {
 public:
  Quantizer(const ModelFile& file, const std::string& out, const QuantizeOptions& options);

  QuantizeReport run();

 private:
  bool is_best() const { return options_.method == QuantizeMethod::best; }
  // Whether matrices may have formats of their own.
  bool has_plan() const { return is_best() && !target_->choices_for(matrices_[0].weight->dim(1)).empty(); }
  void list_matrices();
  void begin_reading();
  void survey();
  void choose_formats();
  void read_and_quantize();
  void record(int64_t step, std::vector<CalibrationModel::Pass>& passes, double begin, double end);
  void fold_scales(int64_t step);
  void fold(const ScaleFold& fold);
  std::shared_ptr<const InputRecord> record_of(const std::string& name) const;
  MatrixSource source_of(const Matrix& matrix) const;
  MatrixSource sample_of(const Matrix& matrix) const;
  const Matrix* find(const std::string& name) const;
  void estimate(Matrix& matrix);
  void quantize(const Matrix& matrix);
  ErrorSums encode(const Matrix& matrix, const MatrixSource& source, MatrixCoder& coder, int n_descents);
  const FeedbackFactors* factors_of(const Matrix& matrix);
  void write();
  void report_progress(double share) const;

  const ModelFile& file_;
  const std::string& out_;
  const QuantizeOptions& options_;
  ThreadPool pool_;
  std::unique_ptr<ScaleFolding> folding_;   // has memory of the model's vectors
  std::unique_ptr<QuantizeTarget> target_;  // likewise of its matrices
  std::unique_ptr<Model> model_;
  std::vector<Matrix> matrices_;
  std::map<std::string, size_t> by_name_;
  int64_t n_other_bytes_ = 0;  // of what stays as it is
  QuantizeWork work_;
  CalibrationText text_;
  std::unique_ptr<CalibrationModel> reader_;
  // Of the step that was read last: what enters matrices, by name; what feedback needs, of the inputs last asked for.
  std::map<std::string, std::shared_ptr<const InputRecord>> records_;
  std::shared_ptr<const InputRecord> factored_;
  std::vector<float> factored_with_;  // factors of these inputs
  std::unique_ptr<FeedbackFactors> factors_;
  std::vector<int32_t> order_;  // of these inputs; empty: as they are
  QuantizeReport report_;
};

Quantizer::Quantizer(const ModelFile& file, const std::string& out, const QuantizeOptions& options)
    : file_(file),
      out_(out),
      options_(options),
      pool_(options.threads > 0 ? options.threads : cpu_info().n_cores),
      model_(make_model(file.source())),
      work_(options.work_folder, work_signature(file, options)) {
  folding_ = std::make_unique<ScaleFolding>(*model_);
  target_ = make_quantize_target(file, *model_, out, options);
  list_matrices();
}

void Quantizer::list_matrices() {
  model_->visit_params([&](std::string_view name, Tensor& weight, WeightRole role) {
    report_.n_weights += weight.n_elements();
    if (const auto format = target_->format_for(name, weight, role)) {
      by_name_[std::string(name)] = matrices_.size();
      matrices_.push_back({.name = std::string(name), .weight = &weight, .format = *format, .role = role});
    } else {
      n_other_bytes_ += target_->plain_bytes(name, weight, role);
    }
  });
  if (matrices_.empty())
    throw Error(ErrorCode::unsupported, file_.weights().path() +
                                            ": has no matrix whose rows hold whole blocks of 32 weights; there is "
                                            "nothing to quantise");
}

QuantizeReport Quantizer::run() {
  if (options_.method == QuantizeMethod::rtn) {
    for (size_t i = 0; i < matrices_.size(); ++i) {
      quantize(matrices_[i]);
      report_progress(kQuantised * static_cast<double>(i + 1) / static_cast<double>(matrices_.size()));
    }
  } else {
    begin_reading();
    if (has_plan()) survey();
    read_and_quantize();
  }
  write();
  return std::move(report_);
}

void Quantizer::begin_reading() {
  text_ = calibration_text(file_, *model_, options_.calibration);
  reader_ = std::make_unique<CalibrationModel>(file_, pool_);
  for (Matrix& matrix : matrices_)  // of two, in the last one, where scores are asked for
    for (int64_t step = 0; step < reader_->n_steps(); ++step)
      if (model_->reads_in_step(matrix.name, matrix.role, step)) matrix.step = step;
}

// What is known of each matrix before anything is decided: factors of its inputs, its errors in each format, and what
// they do to the model.
void Quantizer::survey() {
  if (const auto kept = work_.plan()) {
    folding_->add_json(kept->at("folds"));
    for (Matrix& matrix : matrices_)
      matrix.format.dtype = *dtype_from_name(kept->at("formats").at(matrix.name).get<std::string>());
    return;
  }
  std::vector<std::string> names;
  for (const Matrix& matrix : matrices_) names.push_back(matrix.name);
  SensitivityProbes probes(*reader_, text_, names);
  std::vector<CalibrationModel::Pass> passes = reader_->passes_of(text_.pieces);
  const auto share = [&](double steps) { return kPlanned * steps / static_cast<double>(reader_->n_steps()); };
  for (int64_t step = 0; step < reader_->n_steps(); ++step) {
    const auto done = static_cast<double>(step);
    record(step, passes, share(done), share(done + 0.4));
    fold_scales(step);
    for (Matrix& matrix : matrices_)
      if (matrix.step == step) estimate(matrix);
    report_progress(share(done + 0.7));
    probes.advance();
    report_progress(share(done + 1));
  }
  const std::map<std::string, double> losses = probes.losses();
  for (Matrix& matrix : matrices_)
    for (FormatChoice& choice : matrix.choices) choice.loss *= losses.at(matrix.name);
  choose_formats();
  nlohmann::ordered_json formats;
  for (const Matrix& matrix : matrices_) formats[matrix.name] = format_name(matrix.format);
  work_.keep_plan({{"folds", folding_->as_json()}, {"formats", formats}});
}

// Lets the text take a step, and watches.
void Quantizer::record(int64_t step, std::vector<CalibrationModel::Pass>& passes, double begin, double end) {
  reader_->enter(step);
  records_.clear();
  factored_.reset();
  InputRecorder recorder(reader_->kernels(), pool_);
  reader_->model().visit_params([&](std::string_view name, Tensor& weight, WeightRole role) {
    const Matrix* const matrix = find(std::string(name));
    if (matrix != nullptr && matrix->step == step && role != WeightRole::embedding) recorder.watch(weight, name, role);
  });
  for (size_t i = 0; i < passes.size(); ++i) {
    reader_->advance(passes[i], recorder);
    report_progress(begin + (end - begin) * static_cast<double>(i + 1) / static_cast<double>(passes.size()));
  }
  for (const Matrix& matrix : matrices_) {
    if (matrix.step != step) continue;
    if (auto found = recorder.find(matrix.name)) records_[matrix.name] = std::move(found);
  }
}

const Matrix* Quantizer::find(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &matrices_[found->second];
}

void Quantizer::fold_scales(int64_t step) {
  for (const ScaleFold& one : scale_folds(*model_)) {
    const bool is_ours = std::ranges::all_of(one.consumers, [&](const std::string& name) {
      return find(name) != nullptr && find(name)->step == step && records_.contains(name);
    });
    if (is_ours && (one.producer.empty() || find(one.producer))) fold(one);
  }
}

// Finds the factors of inputs and moves them from those who give the inputs to those who read them.
void Quantizer::fold(const ScaleFold& fold) {
  std::vector<ScaleConsumer> consumers;
  for (const std::string& name : fold.consumers)
    consumers.push_back({.sample = sample_of(*find(name)), .format = find(name)->format});
  const auto trial = is_best() ? ScaleTrial::feedback : ScaleTrial::rounding;
  const std::vector<float> factors = search_scales(pool_, consumers, *records_.at(fold.consumers.front()), trial);
  if (std::ranges::any_of(factors, [](float factor) { return factor != 1; })) folding_->add(fold, factors);
}

// Of a matrix's inputs with their factors; null where they were not seen.
std::shared_ptr<const InputRecord> Quantizer::record_of(const std::string& name) const {
  const auto found = records_.find(name);
  if (found == records_.end()) return nullptr;
  const std::span<const float> factors = folding_->factors_of(name);
  if (factors.empty()) return found->second;
  return std::make_shared<const InputRecord>(divided(*found->second, {factors.begin(), factors.end()}));
}

MatrixSource Quantizer::source_of(const Matrix& matrix) const {
  const Tensor weight = *matrix.weight;
  return {.n_rows = weight.dim(0),
          .n_cols = weight.dim(1),
          .read = [this, weight, &matrix](int64_t row, std::span<float> values) {
            read_row(weight, row, values);
            folding_->apply(matrix.name, row, values);
            if (std::ranges::all_of(values, [](float value) { return std::isfinite(value); })) return;
            throw Error(ErrorCode::bad_file, file_.weights().path() + ": weight '" + matrix.name +
                                                 "' holds NaN or an infinity in row " + std::to_string(row) +
                                                 "; the file is damaged, or training it went wrong");
          }};
}

// Some of its rows.
MatrixSource Quantizer::sample_of(const Matrix& matrix) const {
  MatrixSource sample = source_of(matrix);
  const int64_t n_sampled = std::min(sample.n_rows, kSampleRows), step = sample.n_rows / n_sampled;
  sample.n_rows = n_sampled;
  sample.read = [all = sample.read, step](int64_t row, std::span<float> values) { all(row * step, values); };
  return sample;
}

// The relative error of a matrix in each format that it can have, seen on some of its rows.
void Quantizer::estimate(Matrix& matrix) {
  const MatrixSource sample = sample_of(matrix);
  matrix.formats = target_->choices_for(sample.n_cols);
  for (const CodeFormat& format : matrix.formats) {
    CodedMatrix codes(format, sample.n_rows, sample.n_cols);
    const double error = encode(matrix, sample, codes.coder(), 0).relative();
    matrix.choices.push_back({coded_bytes(format, matrix.weight->dim(0), sample.n_cols), error});
  }
}

void Quantizer::choose_formats() {
  const auto n_weights = static_cast<double>(report_.n_weights);
  const auto budget = static_cast<int64_t>(options_.bits / 8 * n_weights) - n_other_bytes_;
  std::vector<std::vector<FormatChoice>> choices;
  for (const Matrix& matrix : matrices_) choices.push_back(matrix.choices);
  const std::vector<size_t> chosen = plan_formats(choices, budget);
  int64_t n_bytes = 0;
  for (size_t i = 0; i < matrices_.size(); ++i) {
    matrices_[i].format = matrices_[i].formats[chosen[i]];
    n_bytes += choices[i][chosen[i]].bytes;
  }
  if (n_bytes <= budget) return;
  throw Error(ErrorCode::invalid_argument,
              "--bits: this model cannot have " + std::to_string(options_.bits) + " bits a weight in such a file; " +
                  std::to_string(8 * static_cast<double>(n_bytes + n_other_bytes_) / n_weights) + " are the least");
}

void Quantizer::read_and_quantize() {
  const double planned = has_plan() ? kPlanned : 0;
  std::vector<CalibrationModel::Pass> passes = reader_->passes_of(text_.pieces);
  const auto share = [&](double steps) {
    return planned + (kQuantised - planned) * steps / static_cast<double>(reader_->n_steps());
  };
  for (int64_t step = 0; step < reader_->n_steps(); ++step) {
    const auto done = static_cast<double>(step);
    record(step, passes, share(done), share(done + 0.5));
    if (!has_plan() && (is_best() || options_.method == QuantizeMethod::awq)) fold_scales(step);
    for (const Matrix& matrix : matrices_)
      if (matrix.step == step) quantize(matrix);
    report_progress(share(done + 1));
  }
  reader_.reset();
}

// Null when the inputs were not seen.  Matrices that share them follow each other.
const FeedbackFactors* Quantizer::factors_of(const Matrix& matrix) {
  const auto found = records_.find(matrix.name);
  if (found == records_.end()) return nullptr;
  const std::span<const float> factors = folding_->factors_of(matrix.name);
  if (factored_ == found->second && std::ranges::equal(factors, factored_with_)) return factors_.get();
  factored_ = found->second;
  factored_with_.assign(factors.begin(), factors.end());
  SquareMatrix gram = record_of(matrix.name)->gram;
  mirror(gram);
  if (options_.is_ordered || is_best()) {
    order_ = order_by_magnitude(gram);
    gram = reordered(gram, order_);
  }
  const double damping = is_best() ? damping_for(factored_->n_rows) : kPaperDamping;
  factors_ = std::make_unique<FeedbackFactors>(pool_, std::move(gram), damping);
  return factors_.get();
}

ErrorSums Quantizer::encode(const Matrix& matrix, const MatrixSource& source, MatrixCoder& coder, int n_descents) {
  const ScaleSearch search = options_.keeps_range ? ScaleSearch::plain : ScaleSearch::least_error;
  if (options_.method == QuantizeMethod::awq && records_.contains(matrix.name)) {
    MatrixSource weighted = source;
    const std::vector<float> importance = importance_of(*record_of(matrix.name));
    weighted.importance = importance;
    return round_matrix(pool_, weighted, search, coder);
  }
  const FeedbackFactors* const factors = factors_of(matrix);
  if (factors == nullptr) return round_matrix(pool_, source, search, coder);
  FeedbackOptions feedback{.search = search, .n_descents = n_descents};
  if (order_.empty()) return quantize_with_feedback(pool_, source, *factors, feedback, coder);
  if (!options_.is_ordered) {
    feedback.order = order_;
    return quantize_with_feedback(pool_, source, *factors, feedback, coder);
  }
  MatrixSource ordered = source;
  ordered.read = [&](int64_t row, std::span<float> values) {
    std::vector<float> own(values.size());
    source.read(row, own);
    for (size_t i = 0; i < own.size(); ++i) values[i] = own[static_cast<size_t>(order_[i])];
  };
  return quantize_with_feedback(pool_, ordered, *factors, feedback, coder);
}

void Quantizer::quantize(const Matrix& matrix) {
  const Tensor original = *matrix.weight;
  const bool is_ordered = options_.is_ordered && factors_of(matrix) != nullptr;
  CodedMatrix codes(matrix.format, original.dim(0), original.dim(1),
                    is_ordered ? std::span<const int32_t>(order_) : std::span<const int32_t>());
  double error = 0;
  if (const auto kept = work_.load(matrix.name, codes)) {
    error = *kept;
  } else {
    const int n_descents = gives_scores(matrix.role) ? kHeadDescents : kDescents;
    error = encode(matrix, source_of(matrix), codes.coder(), is_best() ? n_descents : 0).relative();
    work_.keep(matrix.name, codes, error);
  }
  target_->put(matrix.name, std::move(codes), *matrix.weight);
  file_.weights().release(original);
  model_->drop_made(original);
  report_.n_weight_bytes += coded_bytes(matrix.format, original.dim(0), original.dim(1));
  report_.tensors.push_back({.name = matrix.name,
                             .format = format_name(matrix.format),
                             .n_weights = original.n_elements(),
                             .relative_error = error});
}

void Quantizer::report_progress(double share) const {
  if (options_.on_progress && !options_.on_progress(share))
    throw Error(ErrorCode::cancelled, out_ + ": interrupted; " +
                                          (options_.work_folder.empty()
                                               ? "nothing is kept"
                                               : "the same command goes on from what is in " + options_.work_folder));
}

void Quantizer::write() {
  const auto progress = [&](double share) {
    return !options_.on_progress || options_.on_progress(kQuantised + (1 - kQuantised) * share);
  };
  const ConvertReport written =
      target_->write({.threads = pool_.n_threads(), .on_progress = progress}, std::move(model_));
  report_.format = written.format;
  report_.n_bytes = written.n_bytes;
  report_.n_weight_bytes += n_other_bytes_;
  work_.remove();
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
