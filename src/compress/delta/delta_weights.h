// A base and its delta seen as the weights of one model, without a merged file: tensors that the delta left as they
// were are views of the mapped base, shared with everybody who has mapped it; the others are decoded when they are
// asked for.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compress/delta/delta_apply.h"
#include "compress/delta/delta_tensors.h"
#include "formats/weights.h"
#include "tensor/storage.h"

namespace tidemill {

// Immutable but for the tensors that are kept once they have been decoded; any threads may ask.
class DeltaWeights final : public Weights {
 public:
  // `pool` decodes; it and `chain` live as long as this.
  DeltaWeights(std::shared_ptr<const DeltaChain> chain, std::shared_ptr<ThreadPool> pool);

  const std::string& path() const override { return chain_->result().delta().path(); }
  std::vector<std::string> names() const override;
  // Throws unsupported for a tensor that no Tensor can describe, bad_file for damaged codes.
  std::optional<Tensor> find(std::string_view name) const override;
  // A tensor's dtype and shape, at no place; nothing is decoded.  Throws as `find`.
  std::optional<Tensor> outline(std::string_view name) const;
  // Decodes bytes [begin, begin + size of out) of a tensor that there is.  Throws bad_file for damaged codes.
  void read(std::string_view name, uint64_t begin, std::span<std::byte> out) const;
  // Where the base has the tensor's bytes as they are; null where it has not.
  const std::byte* unchanged(std::string_view name) const;
  // Gives the memory of all decoded tensors back: nobody reads them any more.
  void forget() const;
  // Only views of the base: what has been decoded is still seen by who asked for it.
  void release(const Tensor& tensor) const override;

 private:
  const PlannedTensor* planned(std::string_view name) const;
  void decode(const PlannedTensor& tensor, uint64_t begin, std::span<std::byte> out) const;
  std::byte* decoded(const PlannedTensor& tensor) const;

  std::shared_ptr<const DeltaChain> chain_;
  std::shared_ptr<ThreadPool> pool_;
  std::vector<PlannedTensor> tensors_;
  std::map<std::string_view, size_t> by_name_;
  mutable std::mutex mutex_;                  // of the pool and of what follows
  mutable std::map<size_t, Storage> memory_;  // of decoded tensors
};

}  // namespace tidemill
