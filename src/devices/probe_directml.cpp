// DirectML: on Linux only under Windows (WSL), whose library and device it then has.
#include <unistd.h>

#include "devices/library.h"
#include "devices/probes.h"

namespace tidemill {

DeviceKind probe_directml() {
  DeviceKind kind{.name = "directml"};
  static constexpr const char* kNames[] = {"libdirectml.so", "/usr/lib/wsl/lib/libdirectml.so"};
  const Library library(kNames);
  const bool has_device = ::access("/dev/dxg", F_OK) == 0;
  if (!library.is_loaded() || !has_device) {
    kind.note = library.is_loaded() ? "/dev/dxg is not there" : "libdirectml.so is not there; it is part of Windows";
    return kind;
  }
  kind.library = library.name();
  kind.is_found = true;
  kind.note = "the library and /dev/dxg are there; its devices are not listed";
  return kind;
}

}  // namespace tidemill
