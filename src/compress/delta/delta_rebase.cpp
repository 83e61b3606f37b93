#include "compress/delta/delta_rebase.h"

#include <filesystem>

#include "sys/new_folder.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

// Of the whole progress: making codes takes longer than restoring.
constexpr double kShareOfRestoring = 0.3;

// The part [begin, begin + share) of a progress.
DeltaWork part_of(const DeltaWork& work, double begin, double share) {
  if (!work.on_progress) return {work.pool};
  return {work.pool, [&work, begin, share](double done) { return work.on_progress(begin + share * done); }};
}

// Under the names that the plan has, so that files of a folder meet those of the new base.
ModelFiles restore_into(const DeltaChain& chain, const NewFolder& folder, const std::string& out,
                        const DeltaWork& work) {
  const DeltaPlan& plan = chain.plan();
  const std::string name = plan.is_folder ? "model" : plan.files.front().name;
  const std::string path = folder.file(name);
  try {
    apply_delta_file(chain, path, work);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::io) throw;
    throw Error(ErrorCode::io, out + ": the fine-tune could not be restored beside it: " + error.what());
  }
  return open_model_files(path);
}

}  // namespace

MadeDelta rebase_delta_file(const DeltaChain& chain, const ModelFiles& new_base, const std::string& out,
                            const DeltaWork& work) {
  // Its name is free beside any `out`, and it never takes it: without a commit all of it is removed.
  const NewFolder folder((std::filesystem::path(out).parent_path() / ".tidemill-rebase").string());
  const ModelFiles tuned = restore_into(chain, folder, out, part_of(work, 0, kShareOfRestoring));
  return make_delta_file(new_base, tuned, out, {}, part_of(work, kShareOfRestoring, 1 - kShareOfRestoring));
}

}  // namespace tidemill
