// What remains of loading a model: the memory of weights that a file holds in another form, until a backend has copies
// of its own, and where each weight was found, so that it can be read again from another file of the same kind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "models/weight_place.h"
#include "ops/backend.h"
#include "tensor/storage.h"
#include "tidemill/tensor.h"

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

struct FileTensor {
  std::string name;
  DType dtype;
  Shape shape;
};

// How a weight of a model is made of tensors of its file.
struct WeightRecipe {
  std::string name;  // of the weight: Parameter
  Shape shape;
  WeightRole role;
  WeightPlace place;
  HeadCounts heads;
  std::vector<FileTensor> tensors;  // that it is read from
};

struct LoadedWeights {
  MadeWeights made;
  std::vector<WeightRecipe> recipes;  // in the order in which models list their weights
};

}  // namespace tidemill
