// The list of a model's shards, model.safetensors.index.json: which file holds which tensor.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/text_pool.h"

namespace tidemill {

struct SafetensorsIndex {
  struct Entry {
    PooledText name;
    uint32_t shard;  // position in `shards`
  };

  TextPool texts;
  std::vector<Entry> entries;       // `weight_map`, sorted by name
  std::vector<std::string> shards;  // file names, sorted

  std::string_view name(const Entry& entry) const { return texts[entry.name]; }
};

// Reads the index in `text`.  Names of shards are plain names of *.safetensors files, so that none leaves the folder.
// Memory is bounded by a small multiple of the text, of 100 MB at most.  Throws bad_file, beginning with `file`.
SafetensorsIndex read_safetensors_index(std::string_view text, const std::string& file);

}  // namespace tidemill
