#include "tidemill/system.h"

namespace tidemill {

const char* version() {
  return TIDEMILL_VERSION;
}

}  // namespace tidemill
