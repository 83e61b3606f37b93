// A folder of deltas in which what they have in common is kept once: docs/formats/delta_store.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tidemill/delta.h"

namespace tidemill {

struct StoredDelta {
  std::string name;
  std::string mode;                        // of the delta: "lossless"
  std::string hash;                        // of the .tmdelta
  uint64_t n_bytes = 0;                    // of the .tmdelta
  uint64_t n_own_bytes = 0;                // that removing it would free
  uint64_t n_restored_bytes = 0;           // of the fine-tune
  std::vector<DeltaInfo::File> base = {};  // files of the base that it needs
};

struct DeltaStoreProblem {
  std::string delta;  // its name
  std::string what;   // one sentence
};

// Any threads and processes may use one folder at once: those that change it wait for each other.  Whatever ends a
// process, deltas are there as before or whole; what it left half done is garbage that `gc` removes.
class DeltaStore {
 public:
  // Looks at nothing yet.
  explicit DeltaStore(std::string folder);

  struct Added {
    std::string name;
    uint64_t n_bytes = 0;      // of the delta
    uint64_t n_new_bytes = 0;  // that the store did not have
  };
  // Takes a .tmdelta in, as `name` or by its file's name without the ending.  Makes the folder if it does not exist or
  // is empty.  Throws invalid_argument where another delta has the name, bad_file for a file that is no delta, io.
  Added add(const std::string& delta, const std::string& name = {});

  // By name.  This and all that follow throw not_found where there is no store or no such delta, bad_file for damage.
  std::vector<StoredDelta> list() const;
  // Writes the .tmdelta, byte for byte as it was.  `out` appears only when all has been compared with its hashes.
  void get(const std::string& name, const std::string& out) const;
  // What others do not have stays until `gc`.
  void remove(const std::string& name);

  struct Collected {
    uint64_t n_objects = 0;
    uint64_t n_bytes = 0;
  };
  // Deletes what no delta refers to.  Deletes nothing where the entry of a delta cannot be read.
  Collected gc();
  // Reads everything.
  std::vector<DeltaStoreProblem> verify() const;

 private:
  std::string folder_;
};

}  // namespace tidemill
