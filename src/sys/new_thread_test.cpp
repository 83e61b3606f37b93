#include "sys/new_thread.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>

#include <atomic>

namespace tidemill {
namespace {

TEST(NewThread, MayGoWhereItsMakerMay) {
  cpu_set_t ours, theirs;
  ASSERT_EQ(pthread_getaffinity_np(pthread_self(), sizeof(ours), &ours), 0);
  std::atomic<bool> done = false;
  std::thread thread = start_elsewhere(1, [&] { done.wait(false); });
  for (int time = 0; time < 3; ++time) {
    EXPECT_EQ(pthread_getaffinity_np(thread.native_handle(), sizeof(theirs), &theirs), 0);
    EXPECT_TRUE(CPU_EQUAL(&ours, &theirs)) << time;
    send_elsewhere(thread);
  }
  done = true;
  done.notify_one();
  thread.join();
}

}  // namespace
}  // namespace tidemill
