// Weights that a file holds in another form: their memory, until a backend has copies of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

#include "tensor/storage.h"

namespace tidemill {

class MadeWeights {
 public:
  // Memory for one weight; it stays until it is dropped.
  std::byte* add(int64_t size_bytes) {
    Storage memory(size_bytes);
    std::byte* const data = memory.data();
    memories_.insert_or_assign(data, std::move(memory));
    return data;
  }
  // Gives the memory of the weight at `data` back; nothing happens when it was not made here.
  void drop(const void* data) { memories_.erase(data); }

 private:
  std::map<const void*, Storage> memories_;
};

}  // namespace tidemill
