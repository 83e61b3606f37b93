#include "compress/delta/delta_weights.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "formats/wording.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr uint64_t kPieceBytes = 1 << 20;  // that a thread decodes at once, where there are no blocks

Shape shape_of(const PlanPart& part, const std::string& path) {
  const auto is_large = [](uint64_t dim) { return !std::in_range<int64_t>(dim); };
  if (part.shape.size() > static_cast<size_t>(kMaxRank) || std::ranges::any_of(part.shape, is_large))
    throw Error(ErrorCode::unsupported, path + ": tensor " + quoted(std::string_view(part.tensor)) +
                                            " has a shape that this build cannot read; convert it to another one");
  return Shape(std::vector<int64_t>(part.shape.begin(), part.shape.end()));
}

// Bytes [begin, end) of a part cut into pieces for threads, as the positions between them.  A block that two pieces
// share would be decoded twice, so they end where blocks do; two blocks at once take less time than one after the
// other, so a piece has two where that leaves each thread some.
std::vector<uint64_t> cut_into_pieces(const PlanPart& part, uint64_t begin, uint64_t end, int n_threads) {
  std::vector<uint64_t> cuts{begin};
  if (part.has_blocks()) {
    const BlockCuts blocks(part);
    const uint64_t first = blocks.block_at(begin), n = blocks.block_at(end - 1) + 1 - first;
    const uint64_t step = n >= 4 * static_cast<uint64_t>(n_threads) ? 2 : 1;
    for (uint64_t block = first + step; block < first + n; block += step) cuts.push_back(blocks.begin(block));
  } else {
    for (uint64_t at = begin + kPieceBytes; at < end; at += kPieceBytes) cuts.push_back(at);
  }
  cuts.push_back(end);
  return cuts;
}

}  // namespace

DeltaWeights::DeltaWeights(std::shared_ptr<const DeltaChain> chain, std::shared_ptr<ThreadPool> pool)
    : chain_(std::move(chain)), pool_(std::move(pool)), tensors_(planned_tensors(chain_->result().delta())) {
  // Of a folder those of the model itself; in folders below it lies what comes behind the model.
  std::erase_if(tensors_, [](const PlannedTensor& tensor) { return tensor.file->name.find('/') != std::string::npos; });
  for (size_t index = 0; index < tensors_.size(); ++index) by_name_.try_emplace(tensors_[index].part->tensor, index);
}

std::vector<std::string> DeltaWeights::names() const {
  std::vector<std::string> names;
  for (const PlannedTensor& tensor : tensors_) names.push_back(tensor.part->tensor);
  return names;
}

const PlannedTensor* DeltaWeights::planned(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &tensors_[found->second];
}

std::optional<Tensor> DeltaWeights::outline(std::string_view name) const {
  const PlannedTensor* const tensor = planned(name);
  if (tensor == nullptr) return std::nullopt;
  const auto dtype = dtype_from_name(tensor->part->dtype);
  const Shape shape = shape_of(*tensor->part, path());
  if (!dtype || static_cast<uint64_t>(tidemill::size_bytes(*dtype, shape)) != tensor->n_bytes)
    throw Error(ErrorCode::bad_file, path() + ": tensor " + quoted(name) + " has " + grouped(tensor->n_bytes) +
                                         " bytes, not those of its dtype and shape; the file is damaged, get it anew");
  return Tensor(nullptr, *dtype, shape);
}

const std::byte* DeltaWeights::unchanged(std::string_view name) const {
  const PlannedTensor* const tensor = planned(name);
  return tensor == nullptr ? nullptr : chain_->unchanged(*tensor->part, tensor->n_bytes);
}

std::optional<Tensor> DeltaWeights::find(std::string_view name) const {
  const auto outlined = outline(name);
  if (!outlined) return std::nullopt;
  // Tensor has one pointer type for memory that may and may not be written; mapped files fault on a write.
  if (std::byte* const view = const_cast<std::byte*>(unchanged(name)))
    return Tensor(view, outlined->dtype(), outlined->shape());
  const std::lock_guard lock(mutex_);
  return Tensor(decoded(*planned(name)), outlined->dtype(), outlined->shape());
}

void DeltaWeights::forget() const {
  const std::lock_guard lock(mutex_);
  memory_.clear();
}

void DeltaWeights::read(std::string_view name, uint64_t begin, std::span<std::byte> out) const {
  const std::lock_guard lock(mutex_);
  decode(*planned(name), begin, out);
}

void DeltaWeights::decode(const PlannedTensor& tensor, uint64_t begin, std::span<std::byte> out) const {
  if (out.empty()) return;
  const auto file = static_cast<size_t>(tensor.file - chain_->plan().files.data());
  const std::vector<uint64_t> cuts = cut_into_pieces(*tensor.part, begin, begin + out.size(), pool_->n_threads());
  std::vector<DeltaScratch> scratch(static_cast<size_t>(pool_->n_threads()));
  pool_->parallel_for(std::ssize(cuts) - 1, 1, [&](int64_t piece, int64_t, int thread) {
    const uint64_t first = cuts[static_cast<size_t>(piece)], n = cuts[static_cast<size_t>(piece) + 1] - first;
    chain_->result().read(file, tensor.part->begin + first, out.subspan(first - begin, n),
                          scratch[static_cast<size_t>(thread)]);
    chain_->result().release(file, tensor.part->begin + first, n);
  });
}

std::byte* DeltaWeights::decoded(const PlannedTensor& tensor) const {
  const auto index = static_cast<size_t>(&tensor - tensors_.data());
  const auto found = memory_.find(index);
  if (found != memory_.end()) return found->second.data();
  Storage memory(static_cast<int64_t>(std::max<uint64_t>(tensor.n_bytes, 1)));
  decode(tensor, 0, {memory.data(), tensor.n_bytes});
  return memory_.emplace(index, std::move(memory)).first->second.data();
}

void DeltaWeights::release(const Tensor& tensor) const {
  chain_->release_base({static_cast<const std::byte*>(tensor.data()), static_cast<size_t>(tensor.size_bytes())});
}

}  // namespace tidemill
