// Threads that run at once, each on a processor of its own where there is one.
#pragma once

#include <functional>
#include <thread>

namespace tidemill {

// Starts `work` on a new thread without signals of the process and, where there is one, on another processor than this
// one: the `index`th from here, from where it may go anywhere.  Throws std::system_error where the system refuses.
std::thread start_elsewhere(int index, std::function<void()> work);

// Moves `thread` to another processor, should it be on this one, from where it may go anywhere.  With one processor
// alone nothing happens.  Two system calls, some 2 us.
void send_elsewhere(std::thread& thread);

}  // namespace tidemill
