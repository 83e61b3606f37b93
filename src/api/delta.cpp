// Deltas: from public options to the parts of compress/delta and back.
#include "tidemill/delta.h"

#include <algorithm>

#include "compress/delta/delta_apply.h"
#include "compress/delta/delta_diff.h"
#include "compress/delta/delta_make.h"
#include "compress/delta/delta_rebase.h"
#include "compress/delta/delta_tensors.h"
#include "compress/delta/peft_adapter.h"
#include "formats/wording.h"
#include "tidemill/error.h"
#include "tidemill/stopwatch.h"
#include "tidemill/system.h"

namespace tidemill {
namespace {

// Each thread has a window of some megabytes: with more of them memory would grow, and disks are not that quick.
constexpr int kMaxThreads = 16;
constexpr int kMaxRankOfDelta = 4096;

int n_threads(const DeltaOptions& options) {
  return std::min(options.threads > 0 ? options.threads : cpu_info().n_cores, kMaxThreads);
}

uint64_t bytes_of_deltas(const std::vector<std::string>& deltas) {
  uint64_t sum = 0;
  for (const std::string& path : deltas) sum += DeltaFile(path).n_bytes();
  return sum;
}

template <typename Work>
DeltaReport restored(const std::string& base, const std::vector<std::string>& deltas, const DeltaOptions& options,
                     Work work) {
  const Stopwatch stopwatch;
  const DeltaChain chain(base, deltas);
  ThreadPool pool(n_threads(options));
  work(chain, DeltaWork{pool, options.on_progress});
  return {.n_tuned_bytes = chain.plan().n_bytes(),
          .n_delta_bytes = bytes_of_deltas(deltas),
          .n_tensors = planned_tensors(chain.result().delta()).size(),
          .seconds = stopwatch.milliseconds() / 1000};
}

DeltaInfo::Tensor described(const PlannedTensor& tensor) {
  const PlanPart& part = *tensor.part;
  DeltaInfo::Tensor result{.name = part.tensor,
                           .file = tensor.file->name,
                           .dtype = part.dtype,
                           .shape = part.shape,
                           .against = {},
                           .n_bytes = tensor.n_bytes,
                           .n_coded_bytes = tensor.n_coded_bytes};
  if (part.base) result.against = part.from.empty() ? part.tensor : part.from;
  return result;
}

std::vector<DeltaInfo::File> described(const std::vector<PlanFile>& files) {
  std::vector<DeltaInfo::File> result;
  for (const PlanFile& file : files) result.push_back({file.name, file.n_bytes, file.hash.hex()});
  return result;
}

}  // namespace

DeltaReport make_delta(const std::string& base, const std::string& tuned, const std::string& out,
                       const DeltaOptions& options) {
  const Stopwatch stopwatch;
  if (options.rank < 1 || options.rank > kMaxRankOfDelta || !(options.threshold >= 0) ||
      !(options.energy >= 0 && options.energy <= 1))
    throw Error(ErrorCode::invalid_argument, "delta: rank, energy or threshold is out of range; give a rank of 1 to " +
                                                 std::to_string(kMaxRankOfDelta) +
                                                 ", an energy of 0 to 1 and a threshold of 0 or more");
  ThreadPool pool(n_threads(options));
  const DeltaCoding coding{options.mode, options.threshold, static_cast<uint32_t>(options.rank), options.energy};
  const MadeDelta made = make_delta_file(open_model_files(base), open_model_files(tuned), out, coding,
                                         DeltaWork{pool, options.on_progress});
  return {.n_tuned_bytes = made.n_tuned_bytes,
          .n_delta_bytes = made.n_delta_bytes,
          .n_tensors = made.n_tensors,
          .seconds = stopwatch.milliseconds() / 1000,
          .errors = made.errors};
}

DeltaReport apply_delta(const std::string& base, const std::vector<std::string>& deltas, const std::string& out,
                        const DeltaOptions& options) {
  return restored(base, deltas, options,
                  [&](const DeltaChain& chain, const DeltaWork& work) { apply_delta_file(chain, out, work); });
}

DeltaReport verify_delta(const std::string& base, const std::vector<std::string>& deltas, const DeltaOptions& options) {
  return restored(base, deltas, options, verify_delta_file);
}

std::vector<TensorChange> diff_models(const std::string& base, const std::string& tuned, const DeltaOptions& options) {
  ThreadPool pool(n_threads(options));
  return changes_of_models(open_model_files(base), open_model_files(tuned), DeltaWork{pool, options.on_progress});
}

DeltaReport rebase_delta(const std::string& base, const std::vector<std::string>& deltas, const std::string& new_base,
                         const std::string& out, const DeltaOptions& options) {
  const Stopwatch stopwatch;
  ThreadPool pool(n_threads(options));
  const MadeDelta made = rebase_delta_file(DeltaChain(base, deltas), open_model_files(new_base), out,
                                           DeltaWork{pool, options.on_progress});
  return {.n_tuned_bytes = made.n_tuned_bytes,
          .n_delta_bytes = made.n_delta_bytes,
          .n_tensors = made.n_tensors,
          .seconds = stopwatch.milliseconds() / 1000};
}

DeltaAdapter export_adapter(const std::string& delta, const std::string& out, const std::string& base_name) {
  const WrittenAdapter written = write_peft_adapter(DeltaFile(delta), out, base_name);
  return {written.n_modules, written.n_bytes, written.left_out};
}

DeltaInfo read_delta_info(const std::string& path) {
  const DeltaFile delta(path);
  const DeltaPlan& plan = delta.plan();
  DeltaInfo info{.version = kDeltaVersion,
                 .mode = delta.mode(),
                 .is_folder = plan.is_folder,
                 .n_bytes = plan.n_bytes(),
                 .n_delta_bytes = delta.n_bytes(),
                 .ratio = static_cast<double>(plan.n_bytes()) / static_cast<double>(delta.n_bytes()),
                 .base = {},
                 .files = described(plan.files),
                 .tensors = {}};
  for (const PlanBaseFile& file : plan.base) info.base.push_back({file.name, file.n_bytes, file.hash.hex()});
  for (const PlannedTensor& tensor : planned_tensors(delta)) info.tensors.push_back(described(tensor));
  return info;
}

struct DeltaModel::Impl {
  Impl(const std::string& base, const std::vector<std::string>& deltas) : chain(base, deltas) {
    for (const PlannedTensor& tensor : planned_tensors(chain.result().delta())) {
      tensors.push_back(described(tensor));
      places.push_back({static_cast<size_t>(tensor.file - chain.plan().files.data()), tensor.part->begin});
    }
  }

  struct Place {
    size_t file;
    uint64_t begin;
  };
  DeltaChain chain;
  std::vector<DeltaInfo::Tensor> tensors;
  std::vector<Place> places;  // of `tensors`
};

DeltaModel::DeltaModel(const std::string& base, const std::vector<std::string>& deltas) {
  impl_ = std::make_unique<Impl>(base, deltas);
}
DeltaModel::~DeltaModel() = default;
DeltaModel::DeltaModel(DeltaModel&&) noexcept = default;
DeltaModel& DeltaModel::operator=(DeltaModel&&) noexcept = default;

const std::vector<DeltaInfo::Tensor>& DeltaModel::tensors() const {
  return impl_->tensors;
}

const DeltaInfo::Tensor* DeltaModel::find(const std::string& name) const {
  const auto found = std::ranges::find(impl_->tensors, name, &DeltaInfo::Tensor::name);
  return found == impl_->tensors.end() ? nullptr : &*found;
}

void DeltaModel::read(const DeltaInfo::Tensor& tensor, uint64_t begin, std::span<std::byte> out) const {
  const Impl::Place place = impl_->places[static_cast<size_t>(&tensor - impl_->tensors.data())];
  if (begin > tensor.n_bytes || out.size() > tensor.n_bytes - begin)
    throw Error(ErrorCode::invalid_argument,
                "tensor '" + tensor.name + "': has " + grouped(tensor.n_bytes) + " bytes; read none past them");
  DeltaScratch scratch;
  impl_->chain.result().read(place.file, place.begin + begin, out, scratch);
}

std::vector<DeltaInfo::File> DeltaModel::files() const {
  return described(impl_->chain.plan().files);
}

void DeltaModel::read_file(const std::string& name, uint64_t begin, std::span<std::byte> out) const {
  const std::vector<PlanFile>& files = impl_->chain.plan().files;
  const auto found = std::ranges::find(files, name, &PlanFile::name);
  if (found == files.end()) throw Error(ErrorCode::not_found, name + ": no such file in this delta; see files()");
  if (begin > found->n_bytes || out.size() > found->n_bytes - begin)
    throw Error(ErrorCode::invalid_argument, name + ": has " + grouped(found->n_bytes) + " bytes; read none past them");
  DeltaScratch scratch;
  impl_->chain.result().read(static_cast<size_t>(found - files.begin()), begin, out, scratch);
}

}  // namespace tidemill
