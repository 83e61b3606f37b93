#include "models/weight_loader.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "tensor/blocks.h"
#include "tensor/dequantize.h"

namespace tidemill {
namespace {

// What the names of the two tensors of MXFP4 end in.
constexpr const char *kScales = "_scales", *kBlocks = "_blocks";

// Channels [begin, end) of a convolution's [channels, kernel] or [channels, 1, kernel] as [kernel, channels]; nothing
// when it has other axes or less channels.
std::optional<Tensor> kernel_first(const Tensor& tensor, int64_t begin, int64_t end) {
  const Shape& shape = tensor.shape();
  const bool has_between = shape.rank() == 3 && shape[1] == 1;
  if ((shape.rank() != 2 && !has_between) || end > shape[0]) return {};
  const Tensor matrix = has_between ? tensor.reshape({shape[0], shape[2]}) : tensor;
  return matrix.slice(0, begin, end).transpose(0, 1);
}

bool is_transposed(Change change) {
  return change == Change::transposed || change == Change::transposed_neg_exp;
}

bool keeps_numbers(Change change) {
  switch (change) {
    case Change::none:
    case Change::transposed:
    case Change::kernel_first:
    case Change::flattened:
      return true;
    default:
      return false;
  }
}

float apply(Change change, float number) {
  switch (change) {
    case Change::none:
    case Change::transposed:
    case Change::kernel_first:
    case Change::flattened:
    case Change::mxfp4:
      return number;
    case Change::less_one:
      return number + 1.0f;
    case Change::exp:
      return static_cast<float>(std::exp(double{number}));
    case Change::neg_exp:
    case Change::transposed_neg_exp:
      return static_cast<float>(-std::exp(double{number}));
    case Change::exp_neg_exp:
      return static_cast<float>(std::exp(-std::exp(double{number})));
  }
  return number;
}

// The first part of the embedding's name where the file has that tensor without it.
std::string left_out_part(const Weights& weights, std::span<const WeightName> names) {
  if (weights.is_packed()) return {};
  const std::string name = place_of_weight(names, "token_embd.weight").name;
  const size_t length = name.find('.') + 1;
  return !weights.find(name) && weights.find(name.substr(length)) ? name.substr(0, length) : std::string();
}

}  // namespace

WeightLoader::WeightLoader(const Weights& weights, std::span<const WeightName> names, HeadCounts heads,
                           LoadedWeights& loaded, std::string prefix)
    : weights_(weights),
      names_(names),
      heads_(heads),
      loaded_(loaded),
      prefix_(std::move(prefix)),
      left_out_(prefix_.empty() ? left_out_part(weights, names) : std::string()) {}

WeightPlace WeightLoader::place_of(const std::string& ours) const {
  if (weights_.is_packed()) return {.name = ours};
  WeightPlace place = place_of_weight(names_, ours);
  if (place.name.starts_with(left_out_)) place.name.erase(0, left_out_.size());
  place.name.insert(0, prefix_);
  return place;
}

bool WeightLoader::has(const Parameter& parameter) const {
  return weights_.find(place_of(parameter.name).name).has_value();
}

void WeightLoader::load(const Parameter& parameter) {
  const WeightPlace place = place_of(parameter.name);
  read_.clear();
  load_from(place, parameter);
  if (parameter.tensor->empty()) return;
  loaded_.recipes.push_back({.name = parameter.name,
                             .shape = parameter.shape,
                             .role = parameter.role,
                             .place = place,
                             .heads = heads_,
                             .tensors = std::move(read_)});
}

// A tensor of the file that the weight is made of.
std::optional<Tensor> WeightLoader::find(const std::string& name) {
  auto found = weights_.find(name);
  if (!found) return found;
  used_.insert(name);
  read_.push_back({.name = name, .dtype = found->dtype(), .shape = found->shape()});
  return found;
}

Tensor WeightLoader::load(const WeightRecipe& recipe) {
  Tensor tensor;
  heads_ = recipe.heads;
  load_from(recipe.place, {.name = recipe.name, .tensor = &tensor, .shape = recipe.shape, .role = recipe.role});
  return tensor;
}

void WeightLoader::load_from(const WeightPlace& place, const Parameter& parameter) {
  if (place.change == Change::mxfp4) return load_mxfp4(place, parameter);
  const auto found = find(place.name);
  if (!found) {
    if (parameter.is_optional) return;
    weights_.require(place.name, parameter.shape);  // throws
  }
  if (weights_.is_packed()) {
    *parameter.tensor = weights_.require(place.name, parameter.shape);
    return;
  }
  Tensor tensor = seen_as(*found, place, parameter);
  const RowPattern rows = rows_of(tensor, place, *found, parameter);
  const bool is_view = rows.is_range();
  if (is_view) tensor = tensor.slice(0, rows.begin, rows.begin + parameter.shape[0]);
  Shape shape = tensor.shape();
  if (tensor.shape().rank() != parameter.shape.rank()) fail_shape(place, *found, parameter.shape);
  for (int axis = is_view ? 0 : 1; axis < shape.rank(); ++axis) {
    if (shape[axis] != parameter.shape[axis]) fail_shape(place, *found, parameter.shape);
  }
  if (!is_view || !tensor.is_contiguous()) {
    tensor = made_anew(tensor, is_view ? RowPattern() : rows, parameter);
    weights_.release(*found);
    if (place.part == Part::whole) weights_.drop(*found);
  }
  // Operations read vectors as f32, also while memory is planned, before a backend has seen them.
  const bool is_to_widen = parameter.role == WeightRole::vector && tensor.dtype() != DType::f32;
  *parameter.tensor = is_to_widen || !keeps_numbers(place.change) ? changed(tensor, place.change) : tensor;
  if (parameter.tensor->data() != tensor.data()) loaded_.made.drop(tensor.data());
}

// A tensor of the file with the axes that its rows are counted by.
Tensor WeightLoader::seen_as(const Tensor& found, const WeightPlace& place, const Parameter& parameter) const {
  Tensor tensor = found;
  if (place.expert) {
    if (tensor.shape().rank() < 2 || *place.expert >= tensor.dim(0)) fail_shape(place, found, parameter.shape);
    const auto dims = tensor.shape().dims();
    tensor = tensor.slice(0, *place.expert, *place.expert + 1).reshape(Shape(dims.subspan(1)));
  }
  const Shape& shape = tensor.shape();
  if (is_transposed(place.change)) return shape.rank() == 2 ? tensor.transpose(0, 1) : tensor;
  if (place.change == Change::kernel_first) {
    const int64_t n_channels = parameter.shape.last(), begin = place.range.begin;
    const auto kernels = kernel_first(tensor, begin, begin + n_channels);
    if (!kernels || tensor.dim(0) != (place.part == Part::range ? place.range.total : n_channels))
      fail_shape(place, found, parameter.shape);
    return *kernels;
  }
  const bool is_row = parameter.shape.rank() == 1 || (parameter.shape.rank() == 2 && parameter.shape[0] == 1);
  const bool is_flat = place.change >= Change::flattened && is_row;
  return is_flat && shape.n_elements() == parameter.shape.last() ? tensor.reshape(parameter.shape) : tensor;
}

// Where the rows of the weight stand among those of `tensor`, whose number is checked.
RowPattern WeightLoader::rows_of(const Tensor& tensor, const WeightPlace& place, const Tensor& found,
                                 const Parameter& parameter) const {
  if (tensor.shape().rank() == 0 || parameter.shape.rank() == 0) fail_shape(place, found, parameter.shape);
  const int64_t n = parameter.shape[0];
  // seen_as has cut the channels of a convolution.
  const bool is_cut = place.part == Part::range && place.change == Change::kernel_first;
  const RowPattern rows = is_cut ? RowPattern{.total = n} : row_pattern(place, n, heads_);
  if (tensor.dim(0) != rows.total) fail_shape(place, found, parameter.shape);
  return rows;
}

// The weight in memory of its own, in the file's dtype.
Tensor WeightLoader::made_anew(const Tensor& tensor, const RowPattern& rows, const Parameter& parameter) {
  const DType dtype = tensor.dtype();
  const int64_t n_rows = parameter.shape[0], width = parameter.shape.rank() == 1 ? 1 : parameter.shape[1];
  const DTypeInfo& element = info(dtype);
  const int64_t row_bytes = tidemill::size_bytes(dtype, {width});
  std::byte* const memory = loaded_.made.add(tidemill::size_bytes(dtype, parameter.shape));
  for (int64_t row = 0; row < n_rows; ++row) {
    const std::byte* source = tensor.as<std::byte>() + rows.row(row) * tensor.stride_bytes(0);
    std::byte* target = memory + row * row_bytes;
    if (tensor.shape().rank() == 1 || tensor.stride_bytes(1) == element.block_bytes) {
      std::memcpy(target, source, static_cast<size_t>(row_bytes));
      continue;
    }
    for (int64_t column = 0; column < width; ++column, target += element.block_bytes) {
      std::memcpy(target, source + column * tensor.stride_bytes(1), static_cast<size_t>(element.block_bytes));
    }
  }
  return Tensor(memory, dtype, parameter.shape).with_column_order(tensor.column_order());
}

// In f32.
Tensor WeightLoader::changed(const Tensor& weight, Change change) {
  const auto n = static_cast<size_t>(weight.n_elements());
  const Tensor result(loaded_.made.add(static_cast<int64_t>(n * sizeof(float))), DType::f32, weight.shape());
  dequantize(weight.dtype(), weight.data(), {result.as<float>(), n});
  for (size_t i = 0; i < n; ++i) result.as<float>()[i] = apply(change, result.as<float>()[i]);
  return result.with_column_order(weight.column_order());
}

// Rows of blocks: elements 2j and 2j + 1 share a byte of the file, j and j + 16 one of ours.
void WeightLoader::load_mxfp4(const WeightPlace& place, const Parameter& parameter) {
  const int64_t n_rows = parameter.shape[0], n_blocks = parameter.shape[1] / BlockMXFP4::kLength;
  WeightPlace at = place;
  at.name = place.name + kScales;
  const Tensor scales = bytes_of(at, parameter, n_blocks);
  at.name = place.name + kBlocks;
  const Tensor blocks = bytes_of(at, parameter, n_blocks);
  const RowPattern rows = rows_of(blocks, at, blocks, parameter);
  auto* target = reinterpret_cast<BlockMXFP4*>(loaded_.made.add(tidemill::size_bytes(DType::mxfp4, parameter.shape)));
  *parameter.tensor = Tensor(target, DType::mxfp4, parameter.shape);
  for (int64_t row = 0; row < n_rows; ++row) {
    const auto* exponent = scales.row<uint8_t>(rows.row(row));
    const auto* source = blocks.row<uint8_t>(rows.row(row));
    for (int64_t block = 0; block < n_blocks; ++block, ++target, source += sizeof target->quants) {
      target->exponent = exponent[block];
      const auto code = [&](int i) { return source[i / 2] >> 4 * (i % 2) & 15; };
      for (int i = 0; i < 16; ++i) target->quants[i] = static_cast<uint8_t>(code(i) | code(i + 16) << 4);
    }
  }
  weights_.release(blocks);
}

// What a tensor of such bytes holds for the weight's expert or whole: [n_rows of the file, n_blocks] or one axis more.
Tensor WeightLoader::bytes_of(const WeightPlace& place, const Parameter& parameter, int64_t n_blocks) {
  const auto found = find(place.name);
  if (!found) weights_.require(place.name, parameter.shape);  // throws
  const Tensor tensor = seen_as(*found, place, parameter);
  const bool has_blocks = place.name.ends_with(kBlocks);
  const bool fits = found->dtype() == DType::u8 && parameter.shape[1] % BlockMXFP4::kLength == 0 &&
                    tensor.shape().rank() == (has_blocks ? 3 : 2) && tensor.dim(1) == n_blocks &&
                    (!has_blocks || tensor.dim(2) == sizeof BlockMXFP4::quants);
  if (!fits) fail_shape(place, *found, parameter.shape);
  rows_of(tensor, place, *found, parameter);  // throws when their number does not fit
  return tensor;
}

// AutoGPTQ wrote a bias of zeros for every layer, also where the model has none.
bool WeightLoader::is_bias_of_zeros(const std::string& name) const {
  if (!name.ends_with(".bias")) return false;
  const Tensor bias = *weights_.find(name);
  if (!info(bias.dtype()).is_float || !bias.is_contiguous()) return false;
  return std::ranges::all_of(to_floats(bias), [](float value) { return value == 0; });
}

void WeightLoader::expect_all_used(std::span<const std::string_view> ignored) const {
  for (const std::string& name : weights_.names()) {
    const auto is_called = [&](std::string_view part) {
      return part.ends_with('.') ? name.starts_with(part) : name.ends_with(part);
    };
    if (used_.contains(name) || !name.starts_with(prefix_) || std::any_of(ignored.begin(), ignored.end(), is_called))
      continue;
    if (is_bias_of_zeros(name)) continue;
    throw Error(ErrorCode::bad_file, weights_.path() + ": tensor '" + name +
                                         "' is not part of this architecture as its configuration describes it; the "
                                         "configuration belongs to another model, or a newer version knows it");
  }
}

void WeightLoader::fail_shape(const WeightPlace& place, const Tensor& found, const Shape& expected) const {
  const bool is_part = place.part != Part::whole || place.expert;
  throw Error(ErrorCode::bad_file,
              weights_.path() + ": tensor '" + place.name + "' is " + found.shape().to_string() + ", expected " +
                  (is_part ? "a part of " : "") + expected.to_string() +
                  (is_transposed(place.change) || place.change == Change::kernel_first ? " transposed" : "") +
                  (place.change == Change::mxfp4 ? ", in bytes of blocks of 32" : "") +
                  "; the file is damaged or of another architecture");
}

}  // namespace tidemill
