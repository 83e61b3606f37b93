// Matrices written by group_writer.h and read back as blocks; tests/formats/test_group_quantized.py compares both sides
// with the tools' own code.
#include "formats/group_weights.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>

#include "formats/group_reader.h"
#include "formats/group_tensors_for_test.h"
#include "tensor/dequantize.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr GroupFormat kFormats[] = {GroupFormat::awq, GroupFormat::gptq, GroupFormat::gptq_v2,
                                    GroupFormat::compressed_tensors};

std::unique_ptr<Weights> written(const GroupQuantized& matrix, GroupFormat format, const GroupKind& kind,
                                 DType scale_dtype = DType::f16) {
  auto tensors = group_tensors("mlp.up", matrix, format, kind, scale_dtype);
  tensors.push_back({"norm.weight", DType::f32, {1}, std::vector<std::byte>(4)});
  return std::make_unique<HeldWeights>(std::move(tensors));
}

// The values of a matrix in blocks, with its columns in order.
std::vector<float> read_values(const Tensor& tensor) {
  const auto width = static_cast<size_t>(tensor.dim(1));
  std::vector<float> values, row(width);
  for (int64_t n = 0; n < tensor.dim(0); ++n) {
    dequantize(tensor.dtype(), tensor.row<std::byte>(n), row);
    values.resize(values.size() + width);
    for (size_t k = 0; k < width; ++k) {
      const size_t at = tensor.column_order() == nullptr ? k : static_cast<size_t>(tensor.column_order()[k]);
      values[values.size() - width + at] = row[k];
    }
  }
  return values;
}

void expect_exact(const RandomGroups& of, GroupFormat format, DType expected, DType scale_dtype = DType::f16) {
  const GroupQuantized matrix = random_groups(of);
  const GroupWeights weights(written(matrix, format, of.kind, scale_dtype), {format, {of.kind}});
  EXPECT_EQ(weights.names(), (std::vector<std::string>{"mlp.up.weight", "norm.weight"}));
  const auto tensor = weights.find("mlp.up.weight");
  ASSERT_TRUE(tensor);
  EXPECT_EQ(info(tensor->dtype()).name, info(expected).name);
  EXPECT_EQ(tensor->shape(), (Shape{of.n_rows, of.n_cols}));
  EXPECT_EQ(read_values(*tensor), values_of(matrix));
}

TEST(GroupWeights, EveryFormatKeepsItsValues) {
  for (const GroupFormat format : kFormats) {
    SCOPED_TRACE(static_cast<int>(format));
    expect_exact({16, 256, {4, 128, true}}, format, DType::q4_g128);
    expect_exact({8, 384, {4, 0, true}}, format, DType::q4_g128);
    expect_exact({8, 192, {4, 64, true}}, format, DType::q4_g32);
    expect_exact({8, 96, {4, 32, false}}, format, DType::q4_0);
    expect_exact({24, 80, {4, 16, true}}, format, DType::f32);
  }
}

TEST(GroupWeights, OtherNumbersOfBitsToo) {
  for (const GroupFormat format : {GroupFormat::gptq, GroupFormat::gptq_v2, GroupFormat::compressed_tensors}) {
    SCOPED_TRACE(static_cast<int>(format));
    expect_exact({32, 256, {8, 128, false}}, format, DType::q8_0);
    expect_exact({32, 256, {8, 32, true}}, format, DType::q8_g32);
    expect_exact({32, 256, {2, 64, true}}, format, DType::q4_g32);
    expect_exact({32, 256, {3, 128, true}}, format, DType::q3_g128);
    expect_exact({16, 384, {2, 0, true}}, format, DType::q2_g128);
    expect_exact({32, 64, {3, 32, false}}, format, DType::q4_0);
  }
  for (const int bits : {5, 6, 7})
    expect_exact({5, 64, {bits, 32, true}}, GroupFormat::compressed_tensors, DType::q8_g32);
  expect_exact({5, 64, {5, 32, false}}, GroupFormat::compressed_tensors, DType::q8_0);
}

TEST(GroupWeights, OrdersOfGroupsBecomeOrdersOfColumns) {
  for (const GroupFormat format : {GroupFormat::gptq, GroupFormat::gptq_v2, GroupFormat::compressed_tensors}) {
    expect_exact({16, 512, {4, 128, true}, true}, format, DType::q4_g128);
    expect_exact({16, 64, {4, 32, false}, true}, format, DType::q4_g32);  // no q4_0: files of those know no order
    expect_exact({16, 64, {8, 32, false}, true}, format, DType::q8_g32);
  }
}

TEST(GroupWeights, ScalesThatNoF16HoldsLeaveFloats) {
  constexpr GroupFormat kFormat = GroupFormat::compressed_tensors;
  expect_exact({4, 64, {4, 32, true}, false, 0x1p-30f}, kFormat, DType::f32, DType::bf16);
  expect_exact({4, 64, {4, 32, true}, true, 0x1.234p-30f}, kFormat, DType::f32, DType::f32);
  expect_exact({4, 64, {4, 32, true}}, kFormat, DType::q4_g32, DType::bf16);
}

TEST(GroupWeights, MemoryGoesWithTheLastPartDropped) {
  const RandomGroups of{32, 128, {4, 128, true}};
  const GroupWeights weights(written(random_groups(of), GroupFormat::awq, of.kind), {GroupFormat::awq, {of.kind}});
  const int64_t before = Storage::total_bytes();
  const Tensor tensor = *weights.find("mlp.up.weight");
  EXPECT_GT(Storage::total_bytes(), before);
  weights.drop(tensor.slice(0, 0, 20));
  EXPECT_GT(Storage::total_bytes(), before);
  weights.drop(tensor.slice(0, 20, 32));
  EXPECT_EQ(Storage::total_bytes(), before);
  EXPECT_EQ(read_values(*weights.find("mlp.up.weight")).size(), 32u * 128u);
}

TEST(GroupWeights, ShapesTellWhichKindAMatrixIs) {
  const GroupScheme scheme{GroupFormat::gptq, {{4, 128, true}, {8, 64, true}}};
  const RandomGroups of{16, 256, {8, 64, true}};
  const GroupWeights weights(written(random_groups(of), GroupFormat::gptq, of.kind), scheme);
  EXPECT_EQ(read_values(*weights.find("mlp.up.weight")), values_of(random_groups(of)));
}

// --- What is damaged.

using Damage = std::function<void(std::vector<GroupTensor>&)>;

void expect_refused(GroupFormat format, const GroupKind& kind, const Damage& damage, const std::string& tensor,
                    const std::string& why) {
  auto tensors = group_tensors("up", random_groups({16, 256, kind, !kind.has_zeros}), format, kind);
  damage(tensors);
  const GroupWeights weights(std::make_unique<HeldWeights>(std::move(tensors)), {format, {kind}});
  try {
    weights.find("up.weight");
    FAIL() << "read: " << why;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::bad_file);
    EXPECT_NE(std::string(error.what()).find("model.safetensors: tensor 'up" + tensor + "'"), std::string::npos)
        << error.what();
    EXPECT_NE(std::string(error.what()).find(why), std::string::npos) << error.what();
  }
}

GroupTensor& named(std::vector<GroupTensor>& tensors, const std::string& suffix) {
  return *std::ranges::find(tensors, "up" + suffix, &GroupTensor::name);
}

TEST(GroupWeights, MissingTensorsAreNamed) {
  const auto without = [](const std::string& suffix) {
    return [suffix](std::vector<GroupTensor>& tensors) {
      std::erase_if(tensors, [&](const GroupTensor& one) { return one.name == "up" + suffix; });
    };
  };
  const GroupKind kind{4, 128, true};
  expect_refused(GroupFormat::awq, kind, without(".scales"), ".scales", "is missing");
  expect_refused(GroupFormat::gptq, kind, without(".qzeros"), ".qzeros", "is missing");
  expect_refused(GroupFormat::compressed_tensors, kind, without(".weight_shape"), ".weight_shape", "is missing");
  expect_refused(GroupFormat::compressed_tensors, kind, without(".weight_zero_point"), ".weight_zero_point",
                 "is missing");
}

TEST(GroupWeights, OtherShapesAndDTypesAreNamed) {
  const GroupKind kind{4, 128, true};
  const auto as = [](const std::string& suffix, DType dtype, const Shape& shape) {
    return [=](std::vector<GroupTensor>& tensors) {
      GroupTensor& tensor = named(tensors, suffix);
      tensor.dtype = dtype;
      tensor.shape = shape;
      tensor.bytes.resize(static_cast<size_t>(size_bytes(dtype, shape)));
    };
  };
  expect_refused(GroupFormat::awq, kind, as(".qweight", DType::i32, {256, 3}), ".qweight", "expected [256, 2]");
  expect_refused(GroupFormat::awq, kind, as(".qweight", DType::u8, {256, 2}), ".qweight", "expected i32");
  expect_refused(GroupFormat::awq, kind, as(".scales", DType::f16, {3, 16}), ".scales", "expected [2, 16]");
  expect_refused(GroupFormat::awq, kind, as(".scales", DType::f16, {2, 1, 16}), ".scales", "2 axes");
  expect_refused(GroupFormat::gptq, kind, as(".qzeros", DType::i32, {2, 1}), ".qzeros", "expected [2, 2]");
  expect_refused(GroupFormat::gptq, kind, as(".qzeros", DType::i8, {2, 16}), ".qzeros", "expected i32");
  expect_refused(GroupFormat::gptq, kind, as(".scales", DType::f16, {2, 0}), ".qweight", "has nothing in it");
  expect_refused(GroupFormat::gptq, kind, as(".g_idx", DType::i32, {255}), ".g_idx", "expected [256]");
  expect_refused(GroupFormat::compressed_tensors, kind, as(".weight_shape", DType::i64, {3}), ".weight_shape",
                 "expected [2]");
  expect_refused(GroupFormat::compressed_tensors, kind, as(".weight_zero_point", DType::i32, {3, 2}),
                 ".weight_zero_point", "expected [2, 2]");
}

TEST(GroupWeights, NumbersOutOfRangeAreNamed) {
  const auto with = [](const std::string& suffix, size_t at, auto number) {
    return [=](std::vector<GroupTensor>& tensors) {
      std::memcpy(named(tensors, suffix).bytes.data() + at * sizeof number, &number, sizeof number);
    };
  };
  const GroupKind kind{4, 64, false};
  for (const int32_t group : {-1, 4, INT32_MAX, INT32_MIN})
    expect_refused(GroupFormat::gptq, kind, with(".g_idx", 7, group), ".g_idx", "input 7 is in group");
  for (const int64_t rows : {int64_t{15}, int64_t{-16}, INT64_MAX})
    expect_refused(GroupFormat::compressed_tensors, kind, with(".weight_shape", 0, rows), ".weight_shape", "says [");
  for (const int64_t cols : {int64_t{0}, int64_t{-1}, INT64_MAX, INT64_MIN})
    expect_refused(GroupFormat::compressed_tensors, kind, with(".weight_shape", 1, cols), ".weight_shape", "says [");
}

TEST(GroupWeights, GroupsOfUnequalSizeAreReadAsFloats) {
  const GroupKind kind{4, 64, true};
  GroupQuantized matrix = random_groups({16, 256, kind, true});
  auto tensors = group_tensors("mlp.up", matrix, GroupFormat::gptq, kind);
  const int32_t first = matrix.g_idx[0] == 0 ? 1 : 0;
  matrix.g_idx[0] = first;
  std::memcpy(std::ranges::find(tensors, "mlp.up.g_idx", &GroupTensor::name)->bytes.data(), &first, sizeof first);
  const GroupWeights weights(std::make_unique<HeldWeights>(std::move(tensors)), {GroupFormat::gptq, {kind}});
  const Tensor tensor = *weights.find("mlp.up.weight");
  EXPECT_EQ(tensor.dtype(), DType::f32);
  EXPECT_EQ(read_values(tensor), values_of(matrix));
}

// --- What the writers refuse.

TEST(GroupTensors, RefuseWhatTheFormatCannotHold) {
  const auto expect_refused = [](const RandomGroups& of, GroupFormat format, DType scale_dtype = DType::f16) {
    EXPECT_THROW(group_tensors("up", random_groups(of), format, of.kind, scale_dtype), Error);
  };
  expect_refused({16, 128, {3, 32, true}}, GroupFormat::awq);
  expect_refused({12, 128, {4, 32, true}}, GroupFormat::awq);
  expect_refused({16, 128, {4, 32, true}, true}, GroupFormat::awq);
  expect_refused({16, 128, {5, 32, true}}, GroupFormat::gptq);
  expect_refused({16, 100, {4, 32, true}}, GroupFormat::gptq);
  expect_refused({16, 128, {4, 32, true}, false, 0x1p-40f}, GroupFormat::gptq);
  expect_refused({16, 128, {4, 32, true}}, GroupFormat::gptq, DType::bf16);
  GroupQuantized matrix = random_groups({16, 128, {4, 32, true}});
  EXPECT_THROW(group_tensors("up", matrix, GroupFormat::gptq, {4, 32, false}), Error);
  matrix.q[5] = 16;
  EXPECT_THROW(group_tensors("up", matrix, GroupFormat::gptq, {4, 32, true}), Error);
}

TEST(GroupConfig, IsReadAsItWasWritten) {
  for (const GroupFormat format : kFormats) {
    for (const int64_t group_size : {0, 64}) {
      for (const bool has_zeros : {true, false}) {
        const GroupKind kind{4, group_size, has_zeros};
        const auto config = group_config(format, kind, {"lm_head"}, false);
        const auto scheme = group_scheme(nlohmann::json{{"quantization_config", config}}, "config.json");
        ASSERT_TRUE(scheme);
        EXPECT_EQ(scheme->format, format);
        ASSERT_EQ(scheme->kinds.size(), 1u);
        EXPECT_EQ(scheme->kinds[0].group_size, group_size);
        EXPECT_EQ(scheme->kinds[0].bits, 4);
        const bool tells_zeros = format == GroupFormat::awq || format == GroupFormat::compressed_tensors;
        EXPECT_EQ(scheme->kinds[0].has_zeros, has_zeros || !tells_zeros);
      }
    }
  }
}

}  // namespace
}  // namespace tidemill
