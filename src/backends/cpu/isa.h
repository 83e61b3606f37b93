// Which instruction set the kernels of this folder run on.
//
// Every kernel is compiled once per Highway target and dispatched at run time to the best one that the processor has;
// TIDEMILL_ISA=scalar|sse4|avx2|avx3|avx3_dl|neon forces another one, for tests and comparisons.
#pragma once

#include <string_view>

namespace tidemill {

// Obeys TIDEMILL_ISA.  Called before the first kernel runs (by the backend's constructor and by test programs); later
// calls do nothing.  Throws invalid_argument, listing what there is, when the machine lacks what is asked for.
// Thread-safe.
void select_isa();

// Dispatches every later kernel call to the set of that name; throws as select_isa does.  Not while kernels run.
void force_isa(std::string_view name);

}  // namespace tidemill
