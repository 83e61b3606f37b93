#include "backends/cpu/embed.h"

#include <gtest/gtest.h>

#include <vector>

#include "backends/cpu/pack.h"
#include "backends/cpu/test_tensor.h"
#include "ops/reference.h"
#include "tensor/panels.h"
#include "tensor/storage.h"

namespace tidemill {
namespace {

TEST(EmbedTest, RowsOfAPackedTableAreTheReferenceBitForBit) {
  const std::vector<int32_t> ids{0, 16, 15, 36, 36, 1};
  for (int n_threads = 1; n_threads <= 3; ++n_threads) {
    ThreadPool pool(n_threads);
    for (const int64_t width : {1, 20, 640}) {
      const TestTensor table = TestTensor::random({37, width}, 1);
      const Storage memory(panel_bytes(DType::f32, 37, width));
      const Tensor panels = pack_panels(pool, table.view(), memory.data());
      TestTensor found({std::ssize(ids), width}), expected({std::ssize(ids), width});
      compute(pool, op::Embed{panels, ids, 25.298f, found.view()});
      ReferenceKernels().run(op::Embed{table.view(), ids, 25.298f, expected.view()});
      EXPECT_TRUE(found == expected) << "width " << width;
    }
  }
}

TEST(EmbedTest, GatherCopiesRows) {
  ThreadPool pool(2);
  const std::vector<int32_t> rows{4, 0, 4};
  const TestTensor x = TestTensor::random({5, 13}, 1);
  TestTensor found({3, 13}), expected({3, 13});
  compute(pool, op::GatherRows{x.view(), rows, found.view()});
  ReferenceKernels().run(op::GatherRows{x.view(), rows, expected.view()});
  EXPECT_TRUE(found == expected);
}

}  // namespace
}  // namespace tidemill
