#include "models/file_form.h"

#include "tidemill/error.h"

namespace tidemill {

void FileTarget::fail(const std::string& why) const {
  throw Error(ErrorCode::unsupported, path + ": " + why + ", which " + (is_gguf() ? "GGUF" : "config.json") +
                                          " has no word for; write a .tmill, which holds every model");
}

}  // namespace tidemill
