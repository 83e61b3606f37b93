// What each byte of a fine-tune is coded against: the plan of a delta before anything is coded.
//
// Tensors go with the tensor of the same name; those without one (renamed, copied, an output head that was tied before)
// with the tensor of the same type and size whose content is nearest, found by samples.  Of a matrix with more or fewer
// rows than the base's (a vocabulary that has grown) the common rows go with the base.  A wrong choice costs bytes,
// never correctness.
#pragma once

#include "compress/delta/model_files.h"
#include "compress/delta/plan.h"

namespace tidemill {

// The parts of all files of `tuned`, with base.file a position in `base.files`; plan.base and hashes are left empty.
// Throws bad_file where a model file is damaged.
DeltaPlan match_tensors(const ModelFiles& base, const ModelFiles& tuned);

}  // namespace tidemill
