// The CPU backend as models see it: weights adopted in any dtype, every operation against the scalar reference, and
// no allocation once warm.
#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "backends/cpu/test_tensor.h"
#include "backends/registry.h"
#include "ops/checker.h"
#include "ops/ops.h"
#include "ops/reference.h"
#include "sys/allocation_counter.h"
#include "tensor/int8_panels.h"
#include "tensor/quantize.h"

namespace tidemill {
namespace {

constexpr int64_t kWidth = 64, kHidden = 96, kVocab = 50, kLayers = 2;

// A small decoder in the shape of the models that the engine runs.
struct SmallModel {
  explicit SmallModel(Backend& backend, CheckedKernels* checked = nullptr) {
    const auto adopt = [&](const Shape& shape, WeightRole role, uint32_t seed) {
      originals.push_back(TestTensor::random(shape, seed, role == WeightRole::vector ? 1.0f : 0.1f));
      const Tensor adopted = backend.adopt(originals.back().view(), role);
      if (checked != nullptr) checked->remember(adopted, originals.back().view());
      return adopted;
    };
    table = adopt({kVocab, kWidth}, WeightRole::embedding, 1);
    norm = adopt({kWidth}, WeightRole::vector, 2);
    wq = adopt({kWidth, kWidth}, WeightRole::matrix, 3);
    wk = adopt({kWidth / 2, kWidth}, WeightRole::matrix, 4);
    gate = adopt({kHidden, kWidth}, WeightRole::matrix, 5);
    up = adopt({kHidden, kWidth}, WeightRole::matrix, 6);
    down = adopt({kWidth, kHidden}, WeightRole::matrix, 7);
    inv_freq = adopt({8}, WeightRole::vector, 8);
  }

  Tensor forward(Ops& ops, std::span<const int32_t> ids, std::span<const int32_t> positions,
                 std::span<const StateRun> runs) const {
    const int32_t last = static_cast<int32_t>(ids.size()) - 1;
    Tensor x = ops.embed(table, ids, 8.0f);
    const Tensor angles = ops.rope_table(positions, inv_freq);
    for (int layer = 0; layer < kLayers; ++layer) {
      const Ops::Scope scope(ops);
      Tensor h = ops.rms_norm(x, norm, 1e-6f);
      const auto [q, k, v] = ops.matmul(h, wq, wk, wk);
      const AttentionOptions options{.n_heads = 4, .n_kv_heads = 2, .head_dim = 16, .scale = 0.25f, .window = 20};
      ops.add_to(x, ops.attention(ops.rope(q, angles, 16), ops.rope(k, angles, 16), v, {&runs[layer], 1}, options));
      h = ops.rms_norm(x, norm, 1e-6f);
      const auto [g, u] = ops.matmul(h, gate, up);
      ops.add_to(x, ops.matmul(ops.gate(g, u, Activation::gelu_tanh), down));
    }
    return ops.matmul(ops.gather_rows(x, {&last, 1}), table);
  }

  std::vector<TestTensor> originals;
  Tensor table, norm, wq, wk, gate, up, down, inv_freq;
};

// Caches for all layers, and steps over one growing sequence.
struct SmallSession {
  explicit SmallSession(DType state) {
    for (int64_t i = 0; i < 2 * kLayers; ++i) caches.emplace_back(Shape{400, 32}, state);
    runs.reserve(kLayers);
    ids.reserve(400);
    positions.reserve(400);
  }

  Tensor step(const SmallModel& model, Ops& ops, int64_t n_tokens) {
    ids.resize(n_tokens);
    positions.resize(n_tokens);
    std::iota(positions.begin(), positions.end(), static_cast<int32_t>(length));
    for (int64_t i = 0; i < n_tokens; ++i) ids[i] = static_cast<int32_t>((length + i) * 17 % kVocab);
    runs.clear();
    for (int64_t i = 0; i < kLayers; ++i) {
      runs.push_back({0, n_tokens, length, caches[2 * i].view(), caches[2 * i + 1].view()});
    }
    length += n_tokens;
    return model.forward(ops, ids, positions, runs);
  }

  int64_t length = 0;
  std::vector<TestTensor> caches;
  std::vector<StateRun> runs;
  std::vector<int32_t> ids, positions;
};

TEST(CpuBackendTest, EveryOperationOfAForwardPassAgreesWithTheReference) {
  ThreadPool pool(2);
  const auto backend = make_backend("cpu", pool, Precision::f32);
  CheckedKernels checked(backend->kernels());
  const SmallModel model(*backend, &checked);
  Arena arena(1 << 22);
  Ops ops(checked, arena);
  SmallSession session(backend->state_dtype());
  for (const int64_t n_tokens : {37, 1, 1, 5, 150, 1}) {
    const Ops::Scope scope(ops);
    EXPECT_NO_THROW(session.step(model, ops, n_tokens)) << "step of " << n_tokens;
  }
}

TEST(CpuBackendTest, NothingIsAllocatedOnceWarm) {
  for (const Precision precision : {Precision::fast, Precision::f32}) {
    ThreadPool pool(2);
    const auto backend = make_backend("cpu", pool, precision);
    const SmallModel model(*backend);
    Arena arena(1 << 22);
    Ops ops(backend->kernels(), arena);
    SmallSession session(backend->state_dtype());
    const auto step = [&](int64_t n_tokens) {
      const Ops::Scope scope(ops);
      session.step(model, ops, n_tokens);
    };
    step(100);
    step(1);
    const int64_t heap = allocation_count(), system = Storage::total_bytes();
    for (int i = 0; i < 150; ++i) step(1);
    step(60);
    EXPECT_EQ(allocation_count(), heap);
    EXPECT_EQ(Storage::total_bytes(), system);
  }
}

TEST(CpuBackendTest, AdoptsVectorsAsF32AndMatricesAsPanels) {
  ThreadPool pool(1);
  const auto backend = make_backend("cpu", pool, Precision::fast);
  EXPECT_EQ(backend->state_dtype(), DType::f16);
  TestTensor halves({3}, DType::f16);
  for (int i = 0; i < 3; ++i) halves.view().as<uint16_t>()[i] = static_cast<uint16_t>(0x3c00 + (i << 10));  // 2^i
  const Tensor vector = backend->adopt(halves.view(), WeightRole::vector);
  EXPECT_EQ(vector.dtype(), DType::f32);
  EXPECT_EQ(std::vector<float>(vector.as<float>(), vector.as<float>() + 3), (std::vector<float>{1, 2, 4}));
  const TestTensor matrix = TestTensor::random({20, 8}, 1);
  const int64_t before = backend->weight_bytes();
  EXPECT_EQ(backend->adopt(matrix.view(), WeightRole::matrix).layout(), Layout::panels);
  EXPECT_GE(backend->weight_bytes(), before + 20 * 8 * 4);
  EXPECT_THROW(backend->adopt(matrix.view().transpose(0, 1), WeightRole::vector), Error);  // has gaps
  EXPECT_THROW(backend->adopt(halves.view(), WeightRole::matrix), Error);
}

TEST(CpuBackendTest, AnEncodersMatricesInInt8HaveAScaleForEachRowAndItsEmbeddingsStayRows) {
  ThreadPool pool(2);
  const auto backend = make_backend("cpu", pool, Precision::int8, true);
  const TestTensor matrix = TestTensor::random({50, 41}, 1), other = TestTensor::random({50, 41}, 2);
  const Tensor adopted = backend->adopt(matrix.view(), WeightRole::matrix);
  EXPECT_TRUE(is_int8_panels(adopted));
  EXPECT_EQ(adopted.shape(), matrix.view().shape());
  EXPECT_EQ(backend->replace(adopted, other.view(), WeightRole::matrix).data(), adopted.data());
  EXPECT_TRUE(is_int8_panels(backend->adopt_apart(other.view(), WeightRole::matrix).tensor));

  const Tensor table = backend->adopt(matrix.view(), WeightRole::embedding);
  EXPECT_NE(table.data(), matrix.view().data());
  const std::vector<int32_t> ids{0, 49, 7};
  TestTensor found({3, 41}), expected({3, 41});
  backend->kernels().run(op::Embed{table, ids, 2.5f, found.view()});
  ReferenceKernels().run(op::Embed{matrix.view(), ids, 2.5f, expected.view()});
  EXPECT_TRUE(found == expected);
}

TEST(CpuBackendTest, Int8RoundsMatricesInFloats) {
  ThreadPool pool(2);
  const auto backend = make_backend("cpu", pool, Precision::int8);
  const TestTensor matrix = TestTensor::random({50, 96}, 1), odd = TestTensor::random({50, 40}, 2);
  const Tensor adopted = backend->adopt(matrix.view(), WeightRole::matrix);
  EXPECT_EQ(adopted.dtype(), DType::q8_0);
  EXPECT_EQ(adopted.shape(), matrix.view().shape());
  EXPECT_EQ(backend->adopt(odd.view(), WeightRole::matrix).dtype(), DType::f32) << "no whole blocks";
  EXPECT_EQ(backend->adopt(matrix.view(), WeightRole::embedding).dtype(), DType::f32);
  std::vector<std::byte> blocks(static_cast<size_t>(size_bytes(DType::q8_0, {50, 96})));
  quantize_q8_0({matrix.view().as<float>(), 50 * 96}, blocks.data());
  const TestTensor x = TestTensor::random({3, 96}, 3);
  const Tensor rows(blocks.data(), DType::q8_0, {50, 96}), also = backend->adopt(rows, WeightRole::matrix);
  TestTensor found({3, 50}), expected({3, 50});
  for (const auto& [weight, out] : {std::pair(adopted, found.view()), std::pair(also, expected.view())})
    backend->kernels().run(op::Matmul{{&x.view(), 1}, {&weight, 1}, {&out, 1}});
  EXPECT_EQ(found, expected);
}

TEST(RegistryTest, NamesWhatThereIs) {
  ThreadPool pool(1);
  EXPECT_EQ(make_backend("reference", pool, Precision::f32)->name(), "reference");
  try {
    make_backend("abacus", pool, Precision::f32);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::not_found);
    EXPECT_NE(std::string(error.what()).find("cpu, reference"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace tidemill
