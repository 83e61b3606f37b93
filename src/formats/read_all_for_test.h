// For tests of damaged files: reads all that a file says.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "tensor/dequantize.h"
#include "tidemill/error.h"
#include "tidemill/tensor.h"

namespace tidemill {

enum class Outcome { read, refused };

// File is a reader with from_memory.  What it throws must be one of the errors for files.
template <typename File>
Outcome read_all(std::span<const std::byte> bytes) {
  try {
    const File file = File::from_memory(bytes, "changed");
    for (const std::string& name : file.names()) {
      const Tensor tensor = *file.find(name);
      std::vector<float> values(static_cast<size_t>(tensor.n_elements()));
      dequantize(tensor.dtype(), tensor.data(), values);
    }
    return Outcome::read;
  } catch (const Error& error) {
    EXPECT_TRUE(error.code() == ErrorCode::bad_file || error.code() == ErrorCode::unsupported) << error.what();
    return Outcome::refused;
  }
}

}  // namespace tidemill
