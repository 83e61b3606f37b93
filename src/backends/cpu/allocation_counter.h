// How often the test program has taken memory from the heap.
#pragma once

#include <cstdint>

namespace tidemill {

// Calls of operator new by all threads so far.
int64_t allocation_count();

}  // namespace tidemill
