// Fuzz target: a quantization_config and the tensors of one matrix, of any dtypes, shapes and numbers.  What is read is
// dequantised, so that a view outside its memory is seen by the address sanitizer.  Seeds:
// tests/fuzz/corpus/group_weights, made by tests/fuzz/make_group_corpus.py.
//
// Up to the first zero byte the input is the configuration's JSON.  Then come tensors: a byte for the name's ending,
// one for the dtype, one for the rank, a byte for each dimension, and as many bytes as the shape takes, zeros where the
// input ends.
#include <algorithm>
#include <array>
#include <vector>

#include "formats/fuzz_bytes.h"
#include "formats/group_tensors_for_test.h"
#include "formats/group_weights.h"
#include "formats/json_file.h"
#include "tensor/dequantize.h"

namespace tidemill {
namespace {

constexpr std::array<std::string_view, 12> kEndings = {
    ".qweight",           ".qzeros", ".scales",       ".g_idx",        ".weight_packed", ".weight_scale",
    ".weight_zero_point", ".bias",   ".weight_shape", ".weight_g_idx", ".weight",        ""};
constexpr std::array<DType, 7> kDTypes = {DType::i32, DType::f16, DType::bf16, DType::f32,
                                          DType::i64, DType::i8,  DType::u8};

class Bytes {
 public:
  explicit Bytes(std::span<const std::byte> bytes) : left_(bytes) {}

  bool is_empty() const { return left_.empty(); }
  uint8_t next() {
    if (left_.empty()) return 0;
    const auto byte = std::to_integer<uint8_t>(left_.front());
    left_ = left_.subspan(1);
    return byte;
  }
  std::string text() {
    std::string result;
    for (uint8_t byte = next(); byte != 0; byte = next()) result.push_back(static_cast<char>(byte));
    return result;
  }
  std::vector<std::byte> take(size_t n) {
    const auto some = left_.first(std::min(n, left_.size()));
    left_ = left_.subspan(some.size());
    std::vector<std::byte> result(some.begin(), some.end());
    result.resize(n);
    return result;
  }

 private:
  std::span<const std::byte> left_;
};

GroupTensor read_tensor(Bytes& bytes) {
  GroupTensor tensor{.name = "up" + std::string(kEndings[bytes.next() % kEndings.size()]),
                     .dtype = kDTypes[bytes.next() % kDTypes.size()],
                     .shape = {},
                     .bytes = {}};
  std::vector<int64_t> dims(bytes.next() % 4);
  for (int64_t& dim : dims) dim = bytes.next();
  tensor.shape = Shape(dims);
  const int64_t n_bytes = size_bytes(tensor.dtype, tensor.shape);
  if (n_bytes > 1 << 20) throw Error(ErrorCode::unsupported, "too large for a fuzz target");
  tensor.bytes = bytes.take(static_cast<size_t>(n_bytes));
  return tensor;
}

void read_all(std::span<const std::byte> input) {
  Bytes bytes(input);
  const nlohmann::json config = parse_json(bytes.text(), "config.json");
  if (!config.is_object()) return;
  std::vector<GroupTensor> tensors;
  while (!bytes.is_empty() && tensors.size() < 8) tensors.push_back(read_tensor(bytes));
  const auto weights = with_groups(std::make_unique<HeldWeights>(std::move(tensors)), config, "config.json");
  for (const std::string& name : weights->names()) {
    const Tensor tensor = *weights->find(name);
    to_floats(tensor);
    for (int64_t k = 0; tensor.column_order() != nullptr && k < tensor.dim(1); ++k) {
      const int32_t column = tensor.column_order()[k];
      if (column < 0 || column >= tensor.dim(1)) throw Error(ErrorCode::internal, "a column that there is not");
    }
    weights->drop(tensor);
  }
}

}  // namespace
}  // namespace tidemill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemill;
  return fuzz_bytes(data, size, {ErrorCode::bad_file, ErrorCode::unsupported}, read_all);
}
