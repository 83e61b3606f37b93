// Threads that begin at once.
#pragma once

#include <functional>
#include <thread>

namespace tidemill {

// Starts `work` on a new thread without signals of the process and, where there is one, on another processor than this
// one: the `index`th from here, from where it may go anywhere.  Throws std::system_error where the system refuses.
std::thread start_elsewhere(int index, std::function<void()> work);

}  // namespace tidemill
