#include "devices/isolated.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string_view>
#include <system_error>

#include "tidemill/error.h"
#include "tidemill/stopwatch.h"

namespace tidemill {
namespace {

constexpr size_t kMaxOutput = 64 << 10;

[[noreturn]] void fail(const std::string& step) {
  throw Error(ErrorCode::io, "child process: " + step + " failed (" + std::generic_category().message(errno) +
                                 "); look at the limits of this process");
}

// Leaves at once: what the library registered for the end of the process is not worth the risk.
[[noreturn]] void serve(const std::function<std::string()>& work, int out) {
  const rlimit no_core{};
  ::setrlimit(RLIMIT_CORE, &no_core);
  for (const int signal : {SIGSEGV, SIGABRT, SIGTERM, SIGINT}) std::signal(signal, SIG_DFL);
  if (const int nowhere = ::open("/dev/null", O_RDWR); nowhere >= 0)
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(nowhere, stream);
  int status = 0;
  try {
    const std::string output = work();
    std::string_view rest = std::string_view(output).substr(0, kMaxOutput);
    while (!rest.empty()) {
      const ssize_t n = ::write(out, rest.data(), rest.size());
      if (n < 0 && errno != EINTR) ::_exit(2);
      if (n > 0) rest.remove_prefix(static_cast<size_t>(n));
    }
  } catch (...) {
    status = 1;
  }
  ::_exit(status);
}

// Reads until the child closes the pipe; false when time is up.
bool read_output(int in, double timeout_s, std::string& output) {
  const Stopwatch clock;
  char block[4096];
  while (true) {
    const double left = timeout_s - clock.seconds();
    if (left <= 0) return false;
    pollfd ready{.fd = in, .events = POLLIN, .revents = 0};
    const int n_ready = ::poll(&ready, 1, static_cast<int>(std::min(left, 3600.0) * 1e3) + 1);
    if (n_ready < 0 && errno != EINTR) return false;
    if (n_ready <= 0) continue;
    const ssize_t n = ::read(in, block, sizeof(block));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return true;
    if (output.size() < kMaxOutput) output.append(block, static_cast<size_t>(n));
  }
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

std::string seconds_text(double seconds) {
  char text[32];
  std::snprintf(text, sizeof(text), "%g s", seconds);
  return text;
}

}  // namespace

IsolatedResult run_isolated(const std::function<std::string()>& work, double timeout_s) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail("making a pipe");
  const pid_t child = ::fork();
  if (child < 0) {
    ::close(ends[0]);
    ::close(ends[1]);
    fail("fork");
  }
  if (child == 0) {
    ::close(ends[0]);
    serve(work, ends[1]);
  }
  ::close(ends[1]);
  IsolatedResult result;
  const bool is_in_time = read_output(ends[0], timeout_s, result.output);
  ::close(ends[0]);
  if (!is_in_time) ::kill(child, SIGKILL);
  const int status = wait_for(child);
  if (!is_in_time) {
    result.problem = "did not answer within " + seconds_text(timeout_s);
  } else if (WIFSIGNALED(status)) {
    result.problem = "crashed (signal " + std::to_string(WTERMSIG(status)) + ")";
  } else if (WEXITSTATUS(status) != 0) {
    result.problem = "ended the process (status " + std::to_string(WEXITSTATUS(status)) + ")";
  } else {
    result.is_complete = true;
  }
  return result;
}

}  // namespace tidemill
