#include "sys/core_groups.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <filesystem>

#include "sys/cpu_info.h"
#include "sys/test_folder.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using Groups = std::vector<std::vector<int>>;

// Two sockets whose processors take turns, as some systems number them.
std::vector<Processor> two_sockets(int n) {
  std::vector<Processor> processors;
  for (int number = 0; number < n; ++number) processors.push_back({number, number % 2});
  return processors;
}

TEST(CoreGroups, NoGroupLiesOnTwoSockets) {
  EXPECT_EQ(grouped_processors(two_sockets(8), 1), (Groups{{0, 2, 4, 6, 1, 3, 5, 7}}));
  EXPECT_EQ(grouped_processors(two_sockets(8), 2), (Groups{{0, 2, 4, 6}, {1, 3, 5, 7}}));
  EXPECT_EQ(grouped_processors(two_sockets(8), 4), (Groups{{0, 2}, {4, 6}, {1, 3}, {5, 7}}));
}

TEST(CoreGroups, EveryProcessorIsInOneGroupAndNoGroupIsEmpty) {
  for (int n = 1; n <= 20; ++n)
    for (int n_groups = 1; n_groups <= n; ++n_groups) {
      std::vector<int> count(static_cast<size_t>(n));
      for (const auto& group : grouped_processors(two_sockets(n), n_groups)) {
        EXPECT_FALSE(group.empty());
        for (const int processor : group) ++count[static_cast<size_t>(processor)];
      }
      EXPECT_EQ(count, std::vector<int>(static_cast<size_t>(n), 1));
    }
  EXPECT_EQ(grouped_processors(two_sockets(2), 5), (Groups{{0}, {0}, {0}, {1}, {1}}));
  EXPECT_THROW(grouped_processors(two_sockets(2), 0), Error);
}

TEST(CoreGroups, SocketsAreReadWhereTheSystemTells) {
  const TestFolder folder;
  const auto allowed = allowed_processors();
  ASSERT_FALSE(allowed.empty());
  for (const Processor& one : usable_processors(folder.path("nothing"))) EXPECT_EQ(one.socket, 0);
  const std::string name = "cpu" + std::to_string(allowed.back()) + "/topology";
  std::filesystem::create_directories(folder.path(name));
  folder.write(name + "/physical_package_id", "3\n");
  EXPECT_EQ(usable_processors(folder.path("")).back().socket, 3);
  EXPECT_GE(n_sockets(), 1);
}

TEST(CoreGroups, WorkStaysOnItsProcessorsAndItsErrorsComeBack) {
  const int processor = allowed_processors().back();
  const auto before = allowed_processors();
  run_on_processors({&processor, 1}, [&] { EXPECT_EQ(allowed_processors(), std::vector<int>{processor}); });
  EXPECT_EQ(allowed_processors(), before);
  EXPECT_THROW(run_on_processors({}, [] { throw Error(ErrorCode::io, "x"); }), Error);
}

}  // namespace
}  // namespace tidemill
