// What is made on another thread while this one goes on.
#pragma once

#include <future>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>

#include "sys/new_thread.h"

namespace tidemill {

// Waits for the thread when it goes away, so that what it was given may lie on the stack.
template <typename T>
class Beside {
 public:
  Beside() = default;  // nothing is made
  // Makes `make()` at once on another thread, the `index`th on other processors than this one; where the system refuses
  // it, in `get`.
  template <typename Make>
  Beside(int index, Make make) {
    auto task = std::make_shared<std::packaged_task<T()>>(make);
    made_ = task->get_future();
    try {
      thread_ = start_elsewhere(index, [task] { (*task)(); });
    } catch (const std::system_error&) {
      made_ = std::async(std::launch::deferred, std::move(make));
    }
  }
  Beside(Beside&&) = default;
  Beside& operator=(Beside&&) = default;  // to one that nothing is made by
  ~Beside() {
    if (thread_.joinable()) thread_.join();
  }

  bool any() const { return made_.valid(); }
  // Once; throws what `make` did.
  T get() { return made_.get(); }

 private:
  std::future<T> made_;
  std::thread thread_;
};

}  // namespace tidemill
