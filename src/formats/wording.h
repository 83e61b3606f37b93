// How messages about files quote names and write large numbers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tidemill {

// A name from the file between quotes, shortened so that a message stays readable.
std::string quoted(std::string_view name);

// 1234567 as "1,234,567".
std::string grouped(uint64_t number);

}  // namespace tidemill
