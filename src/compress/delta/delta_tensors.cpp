#include "compress/delta/delta_tensors.h"

namespace tidemill {
namespace {

// Whether the part goes on with the tensor that the part before it began.
bool goes_on(const PlanPart& part) {
  return part.tensor.empty() && !part.shape.empty();
}

}  // namespace

std::vector<PlannedTensor> planned_tensors(const DeltaFile& delta) {
  std::vector<PlannedTensor> tensors;
  for (const PlanFile& file : delta.plan().files) {
    bool is_open = false;
    for (const PlanPart& part : file.parts) {
      if (!part.tensor.empty()) tensors.push_back({.file = &file, .part = &part});
      is_open = !part.tensor.empty() || (is_open && goes_on(part));
      if (!is_open) continue;
      tensors.back().n_bytes += part.n_bytes;
      for (uint64_t code = 0; code < part.n_codes(); ++code)
        tensors.back().n_coded_bytes += delta.code(part.first_code + code).size();
    }
  }
  return tensors;
}

}  // namespace tidemill
