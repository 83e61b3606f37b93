// The one way in which damaged codes of blocks are refused.
#pragma once

#include <string>

#include "tidemill/error.h"

namespace tidemill {

[[noreturn]] inline void refuse_code(const std::string& why) {
  throw Error(ErrorCode::bad_file, "delta: the code of a block " + why + "; get the file anew");
}

}  // namespace tidemill
