// Makes a .tmdelta of two models.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compress/delta/delta_work.h"
#include "compress/delta/model_files.h"
#include "tidemill/delta.h"

namespace tidemill {

// How changes are coded; as in DeltaOptions.
struct DeltaCoding {
  DeltaMode mode = DeltaMode::lossless;
  double threshold = 0;
  uint32_t rank = 0;
  double energy = 0;
};

struct MadeDelta {
  uint64_t n_tuned_bytes = 0;
  uint64_t n_delta_bytes = 0;
  uint64_t n_tensors = 0;
  std::vector<DeltaError> errors = {};  // of tensors that are not lossless
};

// Writes what turns `base` into `tuned` as `out`, which appears only when it is whole.  Memory does not grow with the
// models, save for their headers; what is written does not depend on the threads.  Throws bad_file for damaged models,
// io, cancelled.
MadeDelta make_delta_file(const ModelFiles& base, const ModelFiles& tuned, const std::string& out,
                          const DeltaCoding& coding, const DeltaWork& work);

}  // namespace tidemill
