// Deltas: a fine-tune as a small file that restores it from its base, bit for bit or, smaller, nearly.
//
// docs/compression.md shows the use, docs/formats/delta.md the format.  Models are single files (safetensors, GGUF, or
// any other) or folders with all they hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tidemill {

// How nearly matrices in f32, f16 and bf16 come back; everything else always comes back as it was.
enum class DeltaMode {
  lossless,
  sparse,    // changes below DeltaOptions::threshold are dropped, the others are exact
  int8,      // changes as whole numbers of 8 bits, with a scale for each 128 of them
  int4,      // of 4 bits, with a scale for each 64
  sign,      // only their signs, with a scale for each 128
  low_rank,  // as the product of two thin matrices, of DeltaOptions::rank or `energy`
};

// "lossless", "sparse", "int8", "int4", "sign", "lowrank".
const char* to_string(DeltaMode mode);

struct DeltaOptions {
  DeltaMode mode = DeltaMode::lossless;
  double threshold = 1e-4;
  int rank = 16;      // columns and rows of the thin matrices; with `energy` the most
  double energy = 0;  // above 0: as few as keep this share, at most 1, of a change's squared singular values
  int threads = 0;    // 0: one per processor that this process may use
  // Called on the caller's thread with a share in [0, 1] that grows; false ends the work with Error(cancelled).
  std::function<bool(double share)> on_progress = {};
};

// How far a tensor that comes back nearly is from the fine-tune's.
struct DeltaError {
  std::string tensor;
  double relative = 0;  // root of the squares' sum of what is wrong, over that of the fine-tune's changes
  double greatest = 0;  // of a single weight
  uint32_t rank = 0;    // of low_rank
};

struct DeltaReport {
  uint64_t n_tuned_bytes = 0;
  uint64_t n_delta_bytes = 0;
  uint64_t n_tensors = 0;
  double seconds = 0;
  std::vector<DeltaError> errors = {};  // of what was made, where it is not lossless

  double ratio() const { return static_cast<double>(n_tuned_bytes) / static_cast<double>(n_delta_bytes); }
};

// Writes what turns `base` into `tuned`, both files or folders, as `out`, which in lossy modes restores something near
// `tuned`, always the same.  Memory does not grow with the models, and
// what is written does not depend on the threads.  `out` appears, or is replaced, only once it is whole.  Throws
// not_found, bad_file for a damaged model, io for a full disk, cancelled.
DeltaReport make_delta(const std::string& base, const std::string& tuned, const std::string& out,
                       const DeltaOptions& options = {});

// Writes the model that `deltas` lead to, each made against what the one before restores, the first against `base`.
// Base and result are compared with the hashes in the deltas; `out`, a file or a folder that does not exist yet or is
// empty, appears only if they agree.  Throws what make_delta throws; bad_file for a wrong base, naming what is
// expected.
DeltaReport apply_delta(const std::string& base, const std::vector<std::string>& deltas, const std::string& out,
                        const DeltaOptions& options = {});

// Does all that apply_delta does but for writing.
DeltaReport verify_delta(const std::string& base, const std::vector<std::string>& deltas,
                         const DeltaOptions& options = {});

// Writes the delta that leads from `new_base` to what `base` and `deltas` lead to, so that the old base and the deltas
// are no longer needed; with the same base again, a chain becomes one delta.  The fine-tune itself is restored beside
// `out` while this works, which takes its room on the disk, not in memory.  Throws what apply_delta and make_delta
// throw.
DeltaReport rebase_delta(const std::string& base, const std::vector<std::string>& deltas, const std::string& new_base,
                         const std::string& out, const DeltaOptions& options = {});

struct DeltaAdapter {
  uint64_t n_modules = 0;
  uint64_t n_bytes = 0;
  std::vector<std::string> left_out;  // changed tensors that are no products of thin matrices: an adapter lacks them
};

// Writes what a delta of DeltaMode::low_rank holds as a LoRA adapter in the layout of PEFT: the folder `out`, which
// must not exist or be empty, with adapter_config.json and adapter_model.safetensors.  `base_name` is what the
// configuration calls the base; empty: nothing.  Throws unsupported where nothing in the delta is of low rank or it
// restores a GGUF.
DeltaAdapter export_adapter(const std::string& delta, const std::string& out, const std::string& base_name = {});

// What a delta says of itself.
struct DeltaInfo {
  struct File {
    std::string name;
    uint64_t n_bytes = 0;
    std::string hash;  // 32 digits: docs/formats/delta.md, "Hashes"
  };
  struct Tensor {
    std::string name, file, dtype;  // "bf16"
    std::vector<uint64_t> shape;
    std::string against;  // the base's tensor that it is coded against; empty: none
    uint64_t n_bytes = 0;
    uint64_t n_coded_bytes = 0;  // 0: as in the base
  };

  int version = 0;
  std::string mode;
  bool is_folder = false;  // what it restores
  uint64_t n_bytes = 0;    // of what it restores
  uint64_t n_delta_bytes = 0;
  double ratio = 0;               // n_bytes / n_delta_bytes
  std::vector<File> base, files;  // those of the base that it needs; those that it restores
  std::vector<Tensor> tensors;
};

// Throws not_found, bad_file, unsupported for a newer version.
DeltaInfo read_delta_info(const std::string& delta);

// What became of a tensor between a base and a fine-tune.
struct TensorChange {
  std::string tensor;
  std::string against;  // the base's tensor that it is compared with; empty: it is new
  std::string dtype;
  std::vector<uint64_t> shape;
  uint64_t n_elements = 0;
  uint64_t n_changed = 0;  // with other bits; all that have nothing to be compared with
  double greatest = 0;     // difference of a weight in f32, f16 or bf16
};

// Compares two models as make_delta does, and writes nothing.  Throws what it throws.
std::vector<TensorChange> diff_models(const std::string& base, const std::string& tuned,
                                      const DeltaOptions& options = {});

// A model seen through its base and deltas, without being written: tensors are decoded as they are read.
// Any threads may read.
class DeltaModel {
 public:
  // Compares the names and sizes of the base's files with the delta's, not their content: that is verify_delta's.
  // Throws what apply_delta throws for its arguments.
  DeltaModel(const std::string& base, const std::vector<std::string>& deltas);
  ~DeltaModel();
  DeltaModel(DeltaModel&&) noexcept;
  DeltaModel& operator=(DeltaModel&&) noexcept;

  // In the order of files and of the data in them.
  const std::vector<DeltaInfo::Tensor>& tensors() const;
  // Nothing when there is none of that name.
  const DeltaInfo::Tensor* find(const std::string& name) const;
  // Bytes [begin, begin + out.size()) of a tensor of `tensors()`.  Throws bad_file for damaged codes, invalid_argument
  // for bytes past its end.
  void read(const DeltaInfo::Tensor& tensor, uint64_t begin, std::span<std::byte> out) const;

  // The files that are no weights and those that are: names, and the bytes of one.
  std::vector<DeltaInfo::File> files() const;
  void read_file(const std::string& name, uint64_t begin, std::span<std::byte> out) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidemill
