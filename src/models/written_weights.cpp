#include "models/written_weights.h"

#include <map>

namespace tidemill {
namespace {

bool rotates(std::string_view name) {
  return name.find(".attn_q.") != name.npos || name.find(".attn_k.") != name.npos;
}

// Rows, and the shape, of a tensor that holds `weight` alone or joined with others.
Shape shape_of(const Tensor& weight, const WeightPlace& place, int64_t n_rows) {
  if (weight.shape().rank() == 1) return {n_rows};
  const int64_t width = weight.dim(1);
  return place.change == Change::transposed ? Shape{width, n_rows} : Shape{n_rows, width};
}

// `shape` behind an axis of `n` experts.
Shape stacked(int64_t n, const Shape& shape) {
  std::vector<int64_t> dims{n};
  dims.insert(dims.end(), shape.dims().begin(), shape.dims().end());
  return Shape(dims);
}

}  // namespace

// Rows that rotate together change places within their head.
int64_t WrittenPart::row_in_tensor(int64_t row) const {
  if (interleave == 0) return rows.row(row);
  const int64_t half = head_dim / 2, in_head = row % head_dim, first = row - in_head;
  return rows.row(interleave > 0 ? first + in_head % half * 2 + in_head / half
                                 : first + in_head % 2 * half + in_head / 2);
}

std::vector<WrittenTensor> written_weights(Model& model, const FileForm& form, const FileTarget& target) {
  std::vector<WrittenTensor> tensors;
  std::map<std::string, size_t> by_name;
  model.visit_params([&](std::string_view name, Tensor& weight, WeightRole role) {
    const WeightPlace place = place_of_weight(form.names, std::string(name));
    WrittenPart part{
        .name = std::string(name), .weight = weight, .rows = row_pattern(place, weight.dim(0), form.heads)};
    const bool is_turned = form.pairs != form.pairs_in_file && rotates(name);
    if (is_turned) part.interleave = form.pairs == RopePairs::halves ? 1 : -1;
    part.head_dim = form.heads.head_dim;
    const auto [found, is_new] = by_name.emplace(place.name, tensors.size());
    if (is_new) {
      tensors.push_back({.name = place.name,
                         .shape = shape_of(weight, place, part.rows.total),
                         .is_matrix = role != WeightRole::vector,
                         .change = place.change,
                         .dtype = weight.dtype()});
    }
    WrittenTensor& tensor = tensors[found->second];
    if (tensor.dtype != weight.dtype()) target.fail("weights of different dtypes would be joined in " + place.name);
    if (place.expert) {  // the experts come in order
      part.rows.begin += *place.expert * part.rows.total;
      tensor.shape = stacked(*place.expert + 1, shape_of(weight, place, part.rows.total));
    }
    tensor.parts.push_back(part);
  });
  return tensors;
}

}  // namespace tidemill
