#include <array>

#include "tidemill/delta.h"

namespace tidemill {

const char* to_string(DeltaMode mode) {
  constexpr std::array kNames = {"lossless", "sparse", "int8", "int4", "sign", "lowrank"};
  return kNames[static_cast<size_t>(mode)];
}

}  // namespace tidemill
