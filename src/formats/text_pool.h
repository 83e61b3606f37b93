// Many short texts in one allocation: what the names of a header of a million tensors cost is their bytes and eight
// more.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tidemill {

struct PooledText {
  uint32_t begin = 0;
  uint32_t n_bytes = 0;
};

// Holds less than 4 GiB; the callers' files are limited to far less.
class TextPool {
 public:
  PooledText add(std::string_view text) {
    const PooledText place{static_cast<uint32_t>(bytes_.size()), static_cast<uint32_t>(text.size())};
    bytes_ += text;
    return place;
  }
  // Valid until the next `add`, or a move of the pool.
  std::string_view operator[](PooledText text) const {
    return std::string_view(bytes_).substr(text.begin, text.n_bytes);
  }

 private:
  std::string bytes_;
};

}  // namespace tidemill
