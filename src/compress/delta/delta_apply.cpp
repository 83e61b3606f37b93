#include "compress/delta/delta_apply.h"

#include <algorithm>
#include <bit>
#include <filesystem>
#include <functional>
#include <optional>

#include "formats/wording.h"
#include "sys/atomic_file.h"
#include "sys/new_folder.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

// Windows that are restored between two looks at the progress, for each thread.
constexpr uint64_t kWindowsPerThread = 4;

using Sink = std::function<void(uint64_t begin, std::span<const std::byte> bytes)>;

// Restores files window by window on all threads: what a thread has decoded it hashes while it is in its cache.
class Restorer {
 public:
  Restorer(const DeltaChain& chain, const DeltaWork& work, DeltaProgress& progress)
      : chain_(chain), work_(work), progress_(progress), threads_(static_cast<size_t>(work.pool.n_threads())) {}

  // `sink` is called from all threads, in no order.  Throws bad_file where the content is not what it should be.
  void restore(size_t file, const Sink& sink);

 private:
  struct Thread {
    std::vector<std::byte> window;
    DeltaScratch scratch;
  };

  const DeltaChain& chain_;
  const DeltaWork& work_;
  DeltaProgress& progress_;
  std::vector<Thread> threads_;
};

void Restorer::restore(size_t index, const Sink& sink) {
  const PlanFile& file = chain_.plan().files[index];
  const RestoredFiles& result = chain_.result();
  std::vector<ContentHash> hashes(n_hash_windows(file.n_bytes));
  const uint64_t n_at_once = kWindowsPerThread * threads_.size();
  for (uint64_t first = 0; first < hashes.size(); first += n_at_once) {
    const uint64_t last = std::min<uint64_t>(first + n_at_once, hashes.size());
    work_.pool.parallel_for(static_cast<int64_t>(last - first), 1, [&](int64_t position, int64_t, int number) {
      Thread& thread = threads_[static_cast<size_t>(number)];
      const uint64_t window = first + static_cast<uint64_t>(position);
      const uint64_t begin = window * kHashWindowBytes;
      thread.window.resize(kHashWindowBytes);
      const std::span bytes = std::span(thread.window).first(std::min(kHashWindowBytes, file.n_bytes - begin));
      result.read(index, begin, bytes, thread.scratch);
      result.release(index, begin, bytes.size());
      hashes[window] = hash_window(bytes);
      sink(begin, bytes);
    });
    progress_.add(std::min(last * kHashWindowBytes, file.n_bytes) - first * kHashWindowBytes);
  }
  const ContentHash found = hash_of_windows(hashes);
  if (found == file.hash) return;
  throw Error(ErrorCode::bad_file, result.delta().path() + ": what it restores of " +
                                       quoted(std::string_view(file.name)) + " has hash " + found.hex() + ", not " +
                                       file.hash.hex() + "; the file is damaged, get it anew");
}

uint64_t n_all_bytes(const DeltaChain& chain) {
  uint64_t sum = chain.plan().n_bytes();
  for (const PlanBaseFile& file : chain.first_plan().base) sum += file.n_bytes;
  return sum;
}

}  // namespace

DeltaChain::DeltaChain(const std::string& base, const std::vector<std::string>& deltas)
    : base_files_(open_model_files(base)) {
  if (deltas.empty()) throw Error(ErrorCode::invalid_argument, "delta: none is given; give a .tmdelta");
  for (const std::string& path : deltas) {
    deltas_.push_back(std::make_unique<DeltaFile>(path));
    const DeltaPlan& plan = deltas_.back()->plan();
    if (bases_.empty()) {
      auto mapped = std::make_unique<MappedBase>(base_files_, plan, path);
      mapped_ = mapped.get();
      bases_.push_back(std::move(mapped));
    } else {
      bases_.push_back(std::make_unique<RestoredBase>(*restored_.back(), plan, path));
    }
    restored_.push_back(std::make_unique<RestoredFiles>(*deltas_.back(), *bases_.back()));
  }
}

const std::byte* DeltaChain::unchanged(const PlanPart& part, uint64_t n_bytes) const {
  constexpr uintptr_t kAlignment = 8;
  const bool is_view = deltas_.size() == 1 && part.code == PartCode::copy && part.n_bytes == n_bytes && n_bytes > 0;
  if (!is_view) return nullptr;
  const std::byte* const bytes = mapped_->file(part.base->file)->bytes().data() + part.base->begin;
  return std::bit_cast<uintptr_t>(bytes) % kAlignment == 0 ? bytes : nullptr;
}

void DeltaChain::release_base(std::span<const std::byte> bytes) const {
  for (size_t index = 0; index < first_plan().base.size(); ++index) {
    const MappedFile* const file = mapped_->file(index);
    if (file == nullptr) continue;
    const auto all = file->bytes();
    const bool is_inside = bytes.data() >= all.data() && bytes.data() + bytes.size() <= all.data() + all.size();
    if (is_inside) file->release(bytes);
  }
}

void DeltaChain::check_base(ThreadPool& pool, DeltaProgress& progress) const {
  for (size_t index = 0; index < first_plan().base.size(); ++index) {
    const PlanBaseFile& wanted = first_plan().base[index];
    const MappedFile* const file = mapped_->file(index);
    const auto add = [&](uint64_t n_bytes) { progress.add(n_bytes); };
    const ContentHash found = file == nullptr ? hash_of_windows({}) : hash_file(*file, pool, add);
    if (found == wanted.hash) continue;
    throw Error(ErrorCode::bad_file, (file == nullptr ? base_files_.path : file->path()) + ": not the base of " +
                                         deltas_.front()->path() + ", which was made from " +
                                         quoted(std::string_view(wanted.name)) + " with hash " + wanted.hash.hex() +
                                         ", this has " + found.hex() + "; give the model that the delta was made from");
  }
}

void apply_delta_file(const DeltaChain& chain, const std::string& out, const DeltaWork& work) {
  const DeltaPlan& plan = chain.plan();
  std::error_code ignored;
  if (!plan.is_folder && (out.ends_with('/') || std::filesystem::is_directory(out, ignored)))
    throw Error(ErrorCode::invalid_argument, out + ": is a folder, and the delta restores the file " +
                                                 quoted(std::string_view(plan.files.front().name)) +
                                                 "; give the name of a file");
  DeltaProgress progress(work, out, n_all_bytes(chain));
  std::optional<NewFolder> folder;
  if (plan.is_folder) folder.emplace(out);
  chain.check_base(work.pool, progress);
  Restorer restorer(chain, work, progress);
  for (size_t index = 0; index < plan.files.size(); ++index) {
    const PlanFile& planned = plan.files[index];
    AtomicFile file(folder ? folder->file(planned.name) : out);
    file.reserve(static_cast<int64_t>(planned.n_bytes));
    restorer.restore(index, [&](uint64_t begin, std::span<const std::byte> bytes) {
      file.write_at(static_cast<int64_t>(begin), bytes);
    });
    file.commit();
  }
  if (folder) folder->commit();
}

void verify_delta_file(const DeltaChain& chain, const DeltaWork& work) {
  DeltaProgress progress(work, chain.result().delta().path(), n_all_bytes(chain));
  chain.check_base(work.pool, progress);
  Restorer restorer(chain, work, progress);
  for (size_t index = 0; index < chain.plan().files.size(); ++index)
    restorer.restore(index, [](uint64_t, std::span<const std::byte>) {});
}

}  // namespace tidemill
