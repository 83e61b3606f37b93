// The tensors that a file of another kind holds a model's weights in: weight_loader.h the other way round.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/file_form.h"
#include "models/model.h"

namespace tidemill {

// A weight, or the part of a tensor that it is.
struct WrittenPart {
  std::string name;  // ours
  Tensor weight;     // [n] or [n, d_in], in any layout
  RowPattern rows;   // where its rows go, among all rows of the tensor
  // Rows of each head that rotate together are halves of it and go side by side (1), or the other way (-1).
  int interleave = 0;
  int64_t head_dim = 0;

  // Where row `row` of the part stands in the tensor.
  int64_t row_in_tensor(int64_t row) const;
};

struct WrittenTensor {
  std::string name;
  Shape shape;                          // in the file
  bool is_matrix = false;               // of a matrix product or an embedding
  Change change = Change::none;         // of all parts; the file holds what becomes the weights by it
  std::vector<WrittenPart> parts = {};  // that are all of its rows together
  DType dtype = DType::f32;             // of the parts
};

// In the order of the model's list.  The views are of the model's weights.  Throws unsupported when weights that the
// file joins have different dtypes.
std::vector<WrittenTensor> written_weights(Model& model, const FileForm& form, const FileTarget& target);

}  // namespace tidemill
