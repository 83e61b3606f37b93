// What a store of deltas writes down of each: docs/formats/delta_store.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "compress/delta/content_hash.h"
#include "compress/delta/plan.h"

namespace tidemill {

// Bytes that are kept once, under the name of their hash.
struct StoreObject {
  ContentHash hash;  // XXH3-128 of the bytes
  uint64_t n_bytes = 0;
};

struct StoreEntry {
  std::string mode;
  uint64_t n_restored_bytes = 0;
  std::vector<PlanBaseFile> base;
  uint64_t n_bytes = 0;              // of the .tmdelta
  ContentHash hash;                  // as files have it
  std::vector<StoreObject> objects;  // one after another they are the .tmdelta
};

std::string write_entry(const StoreEntry& entry);
// Throws bad_file, beginning with `file`, for an entry that breaks a rule of the format.
StoreEntry read_entry(std::string_view text, const std::string& file);

}  // namespace tidemill
