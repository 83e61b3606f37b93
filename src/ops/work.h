// What an operation asks of the machine at least: bytes to read and write, multiply-adds to compute.
#pragma once

#include <cstdint>

#include "ops/operations.h"

namespace tidemill {

struct Work {
  int64_t bytes_read = 0;  // operands and states, each once, however often a kernel reads it
  int64_t bytes_written = 0;
  // Of matrix products and attention, a multiply-add as two; 0 for all others, whose arithmetic is little beside the
  // bytes.
  int64_t block_operations = 0;  // whose weights are of a block format
  int64_t float_operations = 0;
};

Work work_of(const Operation& operation);

}  // namespace tidemill
