#include "sys/new_thread.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <utility>

namespace tidemill {
namespace {

// Signals for the process belong to the application's own threads, so that their blocking calls are interrupted; a
// thread inherits the mask of its maker.  Faults and profiling go to the thread that they are about.
class BlockSignals {
 public:
  BlockSignals() {
    sigset_t blocked;
    sigfillset(&blocked);
    for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGPROF}) sigdelset(&blocked, own);
    pthread_sigmask(SIG_SETMASK, &blocked, &before_);
  }
  ~BlockSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockSignals(const BlockSignals&) = delete;
  BlockSignals& operator=(const BlockSignals&) = delete;

 private:
  sigset_t before_;
};

// Puts `thread` on one of `processors`, from where it may go anywhere in `allowed` again.
void move_to(pthread_t thread, const cpu_set_t& processors, const cpu_set_t& allowed) {
  if (pthread_setaffinity_np(thread, sizeof(processors), &processors) != 0) return;
  pthread_setaffinity_np(thread, sizeof(allowed), &allowed);
}

// Puts a new thread, the `index`th, on another processor than this one, from where it may go anywhere again: the kernel
// often leaves it on ours, where it waits until we sleep, and a short job is done by then.
void move_elsewhere(pthread_t thread, int index) {
  cpu_set_t allowed;
  const int own = sched_getcpu();
  if (own < 0 || pthread_getaffinity_np(thread, sizeof(allowed), &allowed) != 0) return;
  int cpu = own;
  for (int n_left = index; n_left > 0;) {
    cpu = (cpu + 1) % CPU_SETSIZE;
    if (cpu == own) return;
    n_left -= CPU_ISSET(cpu, &allowed) != 0;
  }
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(cpu, &only);
  move_to(thread, only, allowed);
}

}  // namespace

std::thread start_elsewhere(int index, std::function<void()> work) {
  const BlockSignals inherited;
  std::thread thread(std::move(work));
  move_elsewhere(thread.native_handle(), index);
  return thread;
}

void send_elsewhere(std::thread& thread) {
  cpu_set_t allowed;
  const int own = sched_getcpu();
  if (own < 0 || pthread_getaffinity_np(thread.native_handle(), sizeof(allowed), &allowed) != 0) return;
  cpu_set_t others = allowed;
  CPU_CLR(own, &others);
  if (CPU_COUNT(&others) > 0) move_to(thread.native_handle(), others, allowed);
}

}  // namespace tidemill
