#include "compress/delta/delta_diff.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "compress/delta/file_layout.h"
#include "compress/delta/float_elements.h"
#include "compress/delta/tensor_matching.h"

namespace tidemill {
namespace {

struct BlockChange {
  uint64_t n_changed = 0;
  double greatest = 0;
};

// Elements of a quantised block count as changed where any byte of the block is.
BlockChange changes_of_block(DType dtype, std::span<const std::byte> base, std::span<const std::byte> tuned) {
  BlockChange change;
  if (std::ranges::equal(base, tuned)) return change;
  const auto n_bytes = static_cast<size_t>(info(dtype).block_bytes),
             n_elements = static_cast<size_t>(info(dtype).block_length);
  for (size_t begin = 0; begin + n_bytes <= tuned.size(); begin += n_bytes) {
    if (std::memcmp(base.data() + begin, tuned.data() + begin, n_bytes) != 0) change.n_changed += n_elements;
  }
  if (!has_lossy_deltas(dtype)) return change;
  std::vector<float> before, after;
  to_floats(dtype, base, before);
  to_floats(dtype, tuned, after);
  for (size_t i = 0; i < before.size(); ++i) {
    const double difference = std::abs(static_cast<double>(after[i]) - static_cast<double>(before[i]));
    if (std::isfinite(difference)) change.greatest = std::max(change.greatest, difference);
  }
  return change;
}

class Comparison {
 public:
  Comparison(const ModelFiles& base, const ModelFiles& tuned, const DeltaWork& work)
      : base_(base),
        tuned_(tuned),
        work_(work),
        plan_(match_tensors(base, tuned)),
        progress_(work, tuned.path, plan_.n_bytes()) {}

  std::vector<TensorChange> changes();

 private:
  void add_part(const PlanPart& part, const MappedFile& tuned, TensorChange& change);

  const ModelFiles& base_;
  const ModelFiles& tuned_;
  const DeltaWork& work_;
  DeltaPlan plan_;
  DeltaProgress progress_;
};

void Comparison::add_part(const PlanPart& part, const MappedFile& file, TensorChange& change) {
  const MappedFile& base_file = *base_.files[part.base->file].file;
  const auto tuned = file.bytes().subspan(part.begin, part.n_bytes);
  const auto base = base_file.bytes().subspan(part.base->begin, part.n_bytes);
  const BlockCuts cuts(part);
  std::vector<BlockChange> blocks(cuts.n_blocks());
  work_.pool.parallel_for(std::ssize(blocks), 1, [&](int64_t index, int64_t, int) {
    const auto block = static_cast<uint64_t>(index);
    const uint64_t begin = cuts.begin(block), n = cuts.begin(block + 1) - begin;
    blocks[block] = changes_of_block(coded_dtype(part.dtype), base.subspan(begin, n), tuned.subspan(begin, n));
    file.release(tuned.subspan(begin, n));
    base_file.release(base.subspan(begin, n));
  });
  for (const BlockChange& block : blocks) {
    change.n_changed += block.n_changed;
    change.greatest = std::max(change.greatest, block.greatest);
  }
}

std::vector<TensorChange> Comparison::changes() {
  std::vector<TensorChange> changes;
  for (size_t index = 0; index < plan_.files.size(); ++index) {
    uint64_t begin = 0;
    for (PlanPart& part : plan_.files[index].parts) {
      part.begin = begin;
      begin += part.n_bytes;
      const DTypeInfo& type = info(coded_dtype(part.dtype));
      const bool is_rest = part.tensor.empty() && !part.shape.empty() && !changes.empty();
      if (!part.tensor.empty())
        changes.push_back({.tensor = part.tensor, .against = {}, .dtype = part.dtype, .shape = part.shape});
      if (part.tensor.empty() && !is_rest) continue;
      TensorChange& change = changes.back();
      const uint64_t n_elements =
          part.n_bytes / static_cast<uint64_t>(type.block_bytes) * static_cast<uint64_t>(type.block_length);
      change.n_elements += n_elements;
      if (part.base) {
        change.against = part.from.empty() ? part.tensor : part.from;
        add_part(part, *tuned_.files[index].file, change);
      } else {
        change.n_changed += n_elements;
      }
      progress_.add(part.n_bytes);
    }
  }
  return changes;
}

}  // namespace

std::vector<TensorChange> changes_of_models(const ModelFiles& base, const ModelFiles& tuned, const DeltaWork& work) {
  return Comparison(base, tuned, work).changes();
}

}  // namespace tidemill
