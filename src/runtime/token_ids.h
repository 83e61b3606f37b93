// The check that every way into a model makes of the ids that it was given.
#pragma once

#include <cstdint>
#include <span>

namespace tidemill {

// Throws invalid_argument, naming the first id that is not below `vocab_size`.
void expect_ids_inside(std::span<const int32_t> ids, int64_t vocab_size);

}  // namespace tidemill
