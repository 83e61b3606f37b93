#include "devices/library.h"

#include <dlfcn.h>

#include "tidemill/error.h"

namespace tidemill {

Library::Library(std::span<const char* const> names) {
  for (const char* const name : names) {
    handle_ = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (handle_ == nullptr) continue;
    name_ = name;
    return;
  }
}

void* Library::symbol(const char* name) const {
  void* const found = ::dlsym(handle_, name);
  if (found == nullptr)
    throw Error(ErrorCode::unsupported, name_ + ": has no function " + name + "; is it the library of that name?");
  return found;
}

}  // namespace tidemill
