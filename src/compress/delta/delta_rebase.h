// A delta against another base, or a chain of deltas as one.
#pragma once

#include <string>

#include "compress/delta/delta_apply.h"
#include "compress/delta/delta_make.h"

namespace tidemill {

// Writes what turns `new_base` into the model that `chain` restores as `out`, which appears only when it is whole.  The
// model lies on the disk beside `out` meanwhile, in a hidden folder: what is coded is read many times and in any order,
// and memory must not grow with it.  Throws bad_file for a wrong base or damaged deltas, io, cancelled.
MadeDelta rebase_delta_file(const DeltaChain& chain, const ModelFiles& new_base, const std::string& out,
                            const DeltaWork& work);

}  // namespace tidemill
