// The weights of a folder whose matrices were quantised in groups, seen as matrices in blocks.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/group_scheme.h"
#include "formats/weights.h"
#include "tensor/storage.h"

namespace tidemill {

// NAME.weight in the place of NAME.qweight, NAME.scales and so on, in the block format that has exactly its values
// (tensor/group_blocks.h); everything else as it is.  A matrix is made when it is first asked for.
// All members may be called from several threads.
class GroupWeights final : public Weights {
 public:
  // Reads what `scheme` says out of `stored`.
  GroupWeights(std::unique_ptr<Weights> stored, GroupScheme scheme);

  const std::string& path() const override { return stored_->path(); }
  std::vector<std::string> names() const override;
  // Throws as read_group_quantized does.
  std::optional<Tensor> find(std::string_view name) const override;
  void release(const Tensor& tensor) const override;
  void drop(const Tensor& tensor) const override;

 private:
  struct Made {
    Storage memory;
    std::vector<int32_t> column_order;
    Tensor tensor;
    int64_t n_dropped = 0;  // bytes
  };

  Tensor make(const std::string& name, const std::string& prefix) const;
  bool is_part(std::string_view name) const;

  std::unique_ptr<Weights> stored_;
  GroupScheme scheme_;
  std::map<std::string, std::string, std::less<>> prefixes_;  // of matrices, by the names that they are found by
  mutable std::mutex mutex_;
  mutable std::map<std::string, Made, std::less<>> made_;
};

// `weights`, seen so where the configuration of their folder asks for it.  Throws as group_scheme does.
std::unique_ptr<Weights> with_groups(std::unique_ptr<Weights> weights, const nlohmann::json& config,
                                     const std::string& config_path);

}  // namespace tidemill
