// Tensors of a base by their content, for those of a fine-tune that have no name there.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "compress/delta/file_layout.h"

namespace tidemill {

struct TensorPlace {
  uint32_t file = 0, piece = 0;
};

class ContentSearch {
 public:
  // `content`, the tensor's bytes, outlives this.  `is_taken`: the fine-tune has a tensor of its name, so that others
  // are preferred.
  void add(const FilePiece& tensor, TensorPlace place, std::span<const std::byte> content, bool is_taken);

  // The tensor of the same type and size that is nearest to this one in a sample; nothing where none is near.
  std::optional<TensorPlace> nearest(const FilePiece& tensor, std::span<const std::byte> content) const;

 private:
  struct Candidate {
    std::string name;
    TensorPlace place;
    std::span<const std::byte> content;
    bool is_taken;
  };
  std::map<std::pair<std::string, uint64_t>, std::vector<Candidate>> candidates_;  // by type and bytes
};

}  // namespace tidemill
