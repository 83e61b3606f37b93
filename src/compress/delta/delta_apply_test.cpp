#include "compress/delta/delta_apply.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "compress/delta/delta_make.h"
#include "sys/random.h"
#include "sys/test_folder.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

std::string noise(size_t n_bytes, uint64_t seed) {
  Random random(seed);
  std::string text(n_bytes, '\0');
  for (char& letter : text) letter = static_cast<char>(random.next());
  return text;
}

class DeltaApply : public testing::Test {
 protected:
  DeltaApply() {
    std::string base = noise(kSize, 1), tuned = base;
    for (size_t i = kSize / 3; i < kSize; i += 1001) tuned[i] ^= 5;
    tuned += noise(100, 2);
    folder_.write("base", base);
    folder_.write("tuned", tuned);
  }
  void make(const std::string& base, const std::string& tuned, const std::string& out) {
    make_delta_file(open_model_files(folder_.path(base)), open_model_files(folder_.path(tuned)), folder_.path(out), {},
                    DeltaWork{pool_});
  }

  static constexpr size_t kSize = (kHashWindowBytes * 5) + 12345;
  TestFolder folder_;
  ThreadPool pool_{2};
};

TEST_F(DeltaApply, ReadsAnyBytesWithoutRestoringTheRest) {
  make("base", "tuned", "d");
  const DeltaChain chain(folder_.path("base"), {folder_.path("d")});
  const std::string tuned = folder_.read("tuned");
  DeltaScratch scratch;
  for (const size_t begin : {size_t{0}, size_t{1}, kSize / 3 - 5, size_t{300'000}, kSize - 50, kSize + 99}) {
    for (const size_t n : {size_t{0}, size_t{1}, size_t{70'000}, size_t{600'000}}) {
      std::string out(std::min(n, tuned.size() - begin), 'x');
      chain.result().read(0, begin, std::as_writable_bytes(std::span(out)), scratch);
      EXPECT_EQ(out, tuned.substr(begin, n)) << begin << " " << n;
    }
  }
}

TEST_F(DeltaApply, EndsWhereTheCallerWantsItToAndLeavesNothing) {
  make("base", "tuned", "d");
  const DeltaChain chain(folder_.path("base"), {folder_.path("d")});
  double last = 0;
  const auto stop = [&](double share) {
    EXPECT_GE(share, last);
    last = share;
    return share < 0.7;
  };
  try {
    apply_delta_file(chain, folder_.path("out"), DeltaWork{pool_, stop});
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::cancelled);
  }
  EXPECT_EQ(folder_.read("out"), "");
}

TEST_F(DeltaApply, OfAChainIsTheLastModel) {
  folder_.write("third", folder_.read("tuned").replace(100, 50, 50, 'y'));
  make("base", "tuned", "d1");
  make("tuned", "third", "d2");
  const DeltaChain chain(folder_.path("base"), {folder_.path("d1"), folder_.path("d2")});
  apply_delta_file(chain, folder_.path("out"), DeltaWork{pool_});
  EXPECT_EQ(folder_.read("out"), folder_.read("third"));
}

}  // namespace
}  // namespace tidemill
