// The JSON file of token ids that `logits` reads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tidemill::cli {

struct IdsFile {
  std::vector<int32_t> ids;    // at least one
  std::vector<int32_t> types;  // of each id, for encoders that tell two texts apart; empty: not given
  size_t n_kept = 0;           // ids before the padding: all, unless the file has a mask
};

// Reads {"ids":[...]}, for encoders also "mask" (1: an id of the text; 0: padding, after all others) and "types".
// Throws bad_file, naming the list and the place in it, for anything else.  `path` "-" is standard input.
IdsFile read_ids_file(const std::string& path);

}  // namespace tidemill::cli
