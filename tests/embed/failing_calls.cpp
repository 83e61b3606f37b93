// Preloaded into a program: the N-th of its calls that change files fails (FAIL_AT, from 1) as on a full disk, and all
// later ones; how many there were is written to the file FAIL_COUNT at the end.
#include <dlfcn.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace {

std::atomic<long> n_calls = 0;

bool fails() {
  static const char* const wanted = std::getenv("FAIL_AT");
  const long n = ++n_calls;
  if (wanted == nullptr || n < std::atol(wanted)) return false;
  errno = ENOSPC;
  return true;
}

template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

struct AtEnd {
  ~AtEnd() {
    const char* const path = std::getenv("FAIL_COUNT");
    std::FILE* const file = path != nullptr ? std::fopen(path, "w") : nullptr;
    if (file == nullptr) return;
    std::fprintf(file, "%ld", n_calls.load());
    std::fclose(file);
  }
} at_end;

}  // namespace

extern "C" {

ssize_t write(int fd, const void* data, size_t size) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t)>("write");
  if (fd > 2 && fails()) return -1;
  return real(fd, data, size);
}

int fsync(int fd) {
  static const auto real = next<int (*)(int)>("fsync");
  return fails() ? -1 : real(fd);
}

int rename(const char* from, const char* to) {
  static const auto real = next<int (*)(const char*, const char*)>("rename");
  return fails() ? -1 : real(from, to);
}
}
