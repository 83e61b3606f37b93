#include "runtime/token_ids.h"

#include <string>

#include "tidemill/error.h"

namespace tidemill {

void expect_ids_inside(std::span<const int32_t> ids, int64_t vocab_size) {
  for (const int32_t id : ids)
    if (id < 0 || id >= vocab_size)
      throw Error(ErrorCode::invalid_argument,
                  "token id " + std::to_string(id) + ": outside the vocabulary of " + std::to_string(vocab_size));
}

}  // namespace tidemill
