#include "formats/onnx_graph.h"

#include <iterator>

#include "formats/wording.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

struct Row {
  const char* name;
  std::optional<DType> dtype;
};

// By TensorProto.DataType.  github.com/onnx/onnx, onnx/onnx.proto
constexpr Row kTypes[] = {
    {"UNDEFINED", {}},
    {"FLOAT", DType::f32},
    {"UINT8", DType::u8},
    {"INT8", DType::i8},
    {"UINT16", DType::u16},
    {"INT16", DType::i16},
    {"INT32", DType::i32},
    {"INT64", DType::i64},
    {"STRING", {}},
    {"BOOL", DType::boolean},
    {"FLOAT16", DType::f16},
    {"DOUBLE", DType::f64},
    {"UINT32", DType::u32},
    {"UINT64", DType::u64},
    {"COMPLEX64", {}},
    {"COMPLEX128", {}},
    {"BFLOAT16", DType::bf16},
    {"FLOAT8E4M3FN", DType::f8_e4m3},
    {"FLOAT8E4M3FNUZ", DType::f8_e4m3fnuz},
    {"FLOAT8E5M2", DType::f8_e5m2},
    {"FLOAT8E5M2FNUZ", DType::f8_e5m2fnuz},
    {"UINT4", {}},
    {"INT4", {}},
    {"FLOAT4E2M1", {}},
    {"FLOAT8E8M0", DType::f8_e8m0},
    {"UINT2", {}},
    {"INT2", {}},
};

const Row* row_of(int32_t type) {
  return type < 0 || type >= std::ssize(kTypes) ? nullptr : &kTypes[type];
}

}  // namespace

std::string onnx_type_name(int32_t type) {
  const Row* const row = row_of(type);
  return row == nullptr ? "type " + std::to_string(type) : row->name;
}

std::optional<DType> onnx_dtype(int32_t type) {
  const Row* const row = row_of(type);
  return row == nullptr ? std::nullopt : row->dtype;
}

int32_t onnx_type_of(DType dtype) {
  for (int32_t type = 0; type < std::ssize(kTypes); ++type) {
    if (kTypes[type].dtype == dtype) return type;
  }
  throw Error(ErrorCode::unsupported, std::string(info(dtype).name) + ": ONNX has no such type; give f32, f16 or bf16");
}

std::optional<DType> OnnxTensor::dtype() const {
  return onnx_dtype(type);
}

std::string OnnxGraph::describe(const OnnxNode& node) const {
  std::string text = "node " + std::to_string(&node - nodes.data()) + " (" + node.op;
  if (!node.name.empty()) text += ", " + quoted(node.name);
  return text + ")";
}

}  // namespace tidemill
