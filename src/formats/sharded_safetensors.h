// A model in several safetensors files beside an index that says which tensor lies in which.
//
// The index decides: a tensor that it does not name is not there, even if a shard holds it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/safetensors.h"
#include "formats/safetensors_index.h"
#include "formats/weights.h"

namespace tidemill {

// Immutable after it is made, so all members may be called from several threads.
class ShardedSafetensors final : public Weights {
 public:
  // Opens NAME.safetensors.index.json at `path` and every shard that it names, beside it.  Throws not_found naming a
  // shard that is missing, bad_file for an index that breaks a rule or names a tensor that its shard does not hold, and
  // what SafetensorsFile throws.
  explicit ShardedSafetensors(const std::string& path);

  const std::string& path() const override { return path_; }
  std::vector<std::string> names() const override;  // shard by shard, in the order of their data
  std::optional<Tensor> find(std::string_view name) const override;
  void release(const Tensor& tensor) const override;

  size_t n_shards() const { return shards_.size(); }

 private:
  const SafetensorsIndex::Entry* entry(std::string_view name) const;

  std::string path_;
  SafetensorsIndex index_;
  std::vector<SafetensorsFile> shards_;
};

}  // namespace tidemill
