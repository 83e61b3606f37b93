#include "backends/cpu/isa.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tidemill/error.h"
#include "tidemill/system.h"

namespace tidemill {
namespace {

TEST(Isa, TheActiveOneIsTheOneAskedForOrTheBest) {
  const std::vector<std::string> isas = available_isas();
  ASSERT_FALSE(isas.empty());
  const char* asked = std::getenv("TIDEMILL_ISA");
  EXPECT_EQ(active_isa(), asked == nullptr || *asked == '\0' ? isas.front() : asked);
}

TEST(Isa, ScalarIsAlwaysThere) {
#if defined(__x86_64__)
  const std::vector<std::string> isas = available_isas();
  EXPECT_EQ(isas.back(), "scalar");
#endif
}

TEST(Isa, EachOneRunsWhenForced) {
  const std::string before = active_isa();
  for (const std::string& isa : available_isas()) {
    force_isa(isa);
    EXPECT_EQ(active_isa(), isa);
  }
  force_isa(before);
}

TEST(Isa, AnUnknownNameIsRefusedWithTheListOfKnownOnes) {
  try {
    force_isa("mmx");
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    EXPECT_NE(std::string(error.what()).find("choose from " + available_isas().front()), std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace tidemill

// The tests of this folder run once per instruction set; 77 tells ctest that the machine lacks the one asked for.
int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  try {
    tidemill::select_isa();
  } catch (const tidemill::Error& error) {
    std::fprintf(stderr, "skipped: %s\n", error.what());
    return 77;
  }
  return RUN_ALL_TESTS();
}
