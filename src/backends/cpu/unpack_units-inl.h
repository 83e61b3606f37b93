// Declares, once per target, how a panel becomes a UnitBlock; unpack_units.cpp holds the code for every format.
#include <hwy/highway.h>

#include "backends/cpu/task.h"

#if defined(TIDEMILL_BACKENDS_CPU_UNPACK_UNITS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TIDEMILL_BACKENDS_CPU_UNPACK_UNITS_INL_H_
#undef TIDEMILL_BACKENDS_CPU_UNPACK_UNITS_INL_H_
#else
#define TIDEMILL_BACKENDS_CPU_UNPACK_UNITS_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

// Unpacks `n_groups` groups (at most kBlockSuperblocks * 8) that start with a superblock at `panel`; only the last
// superblock of a panel holds fewer than 8.  Returns where the next superblock starts.
const uint8_t* unpack_units(DType dtype, const uint8_t* panel, int n_groups, UnitBlock& out);

// The same of halved panels (tensor/panels.h); `low` is where their other part stands, and goes on with it.
const uint8_t* unpack_halves(const uint8_t* high, const uint8_t*& low, int n_groups, UnitBlock& out);

// The same with the codes left in pairs, 4 vectors for each group.  Only for formats that have code pairs.
const uint8_t* unpack_pairs(DType dtype, const uint8_t* panel, int n_groups, UnitBlock& out);

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include once per target
