// For tests of damaged files: reads all that a file says.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <span>
#include <string>

#include "tensor/dequantize.h"
#include "tidemill/error.h"

namespace tidemill {

enum class Outcome { read, refused };

// File is a reader with from_memory.  What it throws must be one of the errors for files.
template <typename File>
Outcome read_all(std::span<const std::byte> bytes) {
  try {
    const File file = File::from_memory(bytes, "changed");
    for (const std::string& name : file.names()) {
      to_floats(*file.find(name));
    }
    return Outcome::read;
  } catch (const Error& error) {
    EXPECT_TRUE(error.code() == ErrorCode::bad_file || error.code() == ErrorCode::unsupported) << error.what();
    return Outcome::refused;
  }
}

}  // namespace tidemill
