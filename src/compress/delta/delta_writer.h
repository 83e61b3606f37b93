// .tmdelta writer: codes as they come, so that no delta has to be in memory; the header, whose numbers are known last,
// goes into room that was left for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "compress/delta/plan.h"
#include "sys/atomic_file.h"

namespace tidemill {

// The file appears under its name only when it is whole.  Not thread-safe.
class DeltaWriter {
 public:
  // Throws what AtomicFile throws.
  DeltaWriter(const std::string& path, std::string mode);

  // The next code.  Throws io, and unsupported for one of 4 GiB or more.
  void write(std::span<const std::byte> code);
  // `plan` has as many codes as were written.  Returns the bytes of the file.  Nothing may follow.
  uint64_t finish(const DeltaPlan& plan);

 private:
  AtomicFile file_;
  std::string mode_;
  std::vector<uint32_t> lengths_;
  uint64_t n_bytes_ = 0;  // of codes
};

}  // namespace tidemill
