#include "python/src/ready_signal.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

namespace tidemill::python {

ReadySignal::~ReadySignal() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

int ReadySignal::descriptor(bool is_ready) {
  if (descriptor_ < 0) descriptor_ = ::eventfd(is_ready ? 1 : 0, EFD_NONBLOCK | EFD_CLOEXEC);
  return descriptor_;
}

void ReadySignal::set() {
  if (descriptor_ >= 0) ::eventfd_write(descriptor_, 1);
}

void ReadySignal::clear() {
  uint64_t ignored = 0;
  if (descriptor_ >= 0) ::eventfd_read(descriptor_, &ignored);
}

}  // namespace tidemill::python
