// Restores what a .tmdelta was made of, and checks it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "compress/delta/delta_work.h"
#include "compress/delta/restored_files.h"

namespace tidemill {

// A base and the deltas that lead from it to a model, each made against what the one before restores.  All members may
// be called from several threads.
class DeltaChain {
 public:
  // Opens all; looks at names and sizes of the base's files, not at their content.  Throws invalid_argument without
  // deltas, not_found and bad_file, the latter also where a delta was made against something else.
  DeltaChain(const std::string& base, const std::vector<std::string>& deltas);

  const ModelFiles& base() const { return base_files_; }
  const RestoredFiles& result() const { return *restored_.back(); }
  const DeltaPlan& plan() const { return result().delta().plan(); }
  const DeltaPlan& first_plan() const { return deltas_.front()->plan(); }
  // The bytes of a tensor of the plan that begins with `part` and has `n_bytes`, where they lie in the base as they are
  // and aligned for any element; null elsewhere.
  const std::byte* unchanged(const PlanPart& part, uint64_t n_bytes) const;
  // Bytes of the base that such a pointer led to will not be read soon; others are left alone.
  void release_base(std::span<const std::byte> bytes) const;
  // Throws bad_file, naming what is expected, where the content of the base is another.
  void check_base(ThreadPool& pool, DeltaProgress& progress) const;

 private:
  ModelFiles base_files_;
  std::vector<std::unique_ptr<DeltaFile>> deltas_;
  std::vector<std::unique_ptr<BaseFiles>> bases_;
  std::vector<std::unique_ptr<RestoredFiles>> restored_;
  const MappedBase* mapped_ = nullptr;  // of bases_
};

// Checks the base, then writes the model as `out`, a file or a folder that does not exist or is empty; it appears only
// when its content has been found to be what the delta was made of.  Throws bad_file, invalid_argument for an `out` of
// the wrong kind, io, cancelled.
void apply_delta_file(const DeltaChain& chain, const std::string& out, const DeltaWork& work);

// The same without writing anything.
void verify_delta_file(const DeltaChain& chain, const DeltaWork& work);

}  // namespace tidemill
