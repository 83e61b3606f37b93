// The limits of containers from made-up cgroup folders, and what this machine says of itself.
#include "tidemill/system.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "sys/cgroup.h"
#include "sys/cpu_info.h"
#include "sys/proc_file.h"
#include "sys/test_folder.h"

namespace tidemill {
namespace {

class Cgroup : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& content) {
    std::filesystem::create_directories(std::filesystem::path(folder_.path(name)).parent_path());
    folder_.write(name, content);
  }
  CgroupLimits limits() const { return read_cgroup_limits(folder_.path("groups"), folder_.path("fs")); }

  TestFolder folder_;
};

TEST_F(Cgroup, WithoutGroupsThereIsNoLimit) {
  EXPECT_FALSE(limits().n_cpus);
  EXPECT_FALSE(limits().memory_left_bytes);
  write("groups", "0::/a/b\n");
  write("fs/a/b/cpu.max", "max 100000\n");
  write("fs/a/b/memory.max", "max\n");
  write("fs/a/b/memory.current", "4096\n");
  EXPECT_FALSE(limits().n_cpus);
  EXPECT_FALSE(limits().memory_left_bytes);
}

TEST_F(Cgroup, VersionTwoTakesTheTightestOnTheWayUp) {
  write("groups", "0::/a/b\n");
  write("fs/a/b/cpu.max", "400000 100000\n");
  write("fs/a/cpu.max", "150000 100000\n");
  write("fs/a/b/memory.max", "1000000\n");
  write("fs/a/b/memory.current", "100000\n");
  write("fs/a/memory.max", "2000000\n");
  write("fs/a/memory.current", "1900000\n");
  EXPECT_EQ(limits().n_cpus, 1.5);
  EXPECT_EQ(limits().memory_left_bytes, 100000);
}

TEST_F(Cgroup, PageCacheIsNotCountedAsUsed) {
  write("groups", "0::/\n");
  write("fs/memory.max", "1000000\n");
  write("fs/memory.current", "900000\n");
  write("fs/memory.stat", "anon 1\nfile 700000\nactive_file 200000\ninactive_file 500000\n");
  EXPECT_EQ(limits().memory_left_bytes, 800000);
  write("fs/memory.stat", "active_file 2000000\n");  // read a moment later than the usage
  EXPECT_EQ(limits().memory_left_bytes, 1000000);
  write("fs/memory.stat", "");
  write("fs/memory.current", "1000001\n");
  EXPECT_EQ(limits().memory_left_bytes, 0);
}

TEST_F(Cgroup, AHostPathThatTheContainerCannotSeeLeavesTheRoot) {
  write("groups", "0::/docker/0123abcd\n");
  write("fs/cpu.max", "200000 100000");
  EXPECT_EQ(limits().n_cpus, 2.0);
}

TEST_F(Cgroup, VersionOneHasAFolderPerController) {
  write("groups", "5:memory:/job\n4:cpu,cpuacct:/job\n1:name=systemd:/\nnonsense\n");
  write("fs/cpu/job/cpu.cfs_quota_us", "300000\n");
  write("fs/cpu/job/cpu.cfs_period_us", "100000\n");
  write("fs/cpu/cpu.cfs_quota_us", "-1\n");
  write("fs/cpu/cpu.cfs_period_us", "100000\n");
  write("fs/memory/job/memory.limit_in_bytes", "1000000\n");
  write("fs/memory/job/memory.usage_in_bytes", "600000\n");
  write("fs/memory/job/memory.stat", "total_inactive_file 100000\n");
  write("fs/memory/memory.limit_in_bytes", "9223372036854771712\n");  // version 1's "none"
  write("fs/memory/memory.usage_in_bytes", "1\n");
  EXPECT_EQ(limits().n_cpus, 3.0);
  EXPECT_EQ(limits().memory_left_bytes, 500000);
}

TEST(ProcFile, FindsLinesAndNumbers) {
  const std::string text = "MemTotal:  12 kB\nMemFree:\t7 kB \nx";
  EXPECT_EQ(line_after(text, "MemFree:"), "7 kB");
  EXPECT_EQ(line_after(text, "x"), "");
  EXPECT_EQ(line_after(text, "Swap:"), std::nullopt);
  EXPECT_EQ(leading_number(" 42 kB"), 42);
  EXPECT_EQ(leading_number("-3"), -3);
  EXPECT_EQ(leading_number("max"), std::nullopt);
  EXPECT_EQ(leading_number("99999999999999999999"), std::nullopt);
  EXPECT_EQ(read_proc_file("/nonexistent"), std::nullopt);
}

TEST(CpuInfo, ReadsX86AndArm) {
  const CpuInfo x86 = parse_cpuinfo(
      "processor\t: 0\nmodel name\t: Some CPU @ 2.0GHz\n"
      "flags\t\t: fpu sse4_1 avx2 avx512_vnni avx512f_like\n\nprocessor\t: 1\nmodel name\t: other\n");
  EXPECT_EQ(x86.name, "Some CPU @ 2.0GHz");
  EXPECT_EQ(x86.features, (std::vector<std::string>{"sse4_1", "avx2", "avx512_vnni"}));
  const CpuInfo arm = parse_cpuinfo("processor\t: 0\nFeatures\t: fp asimd asimddp i8mm\n");
  EXPECT_EQ(arm.name, "");
  EXPECT_EQ(arm.features, (std::vector<std::string>{"asimd", "asimddp", "i8mm"}));
  EXPECT_TRUE(parse_cpuinfo("flags\nmodel name :").features.empty());
}

TEST(CpuInfo, AQuotaBoundsTheCores) {
  EXPECT_EQ(usable_cores(8, 0), 8);
  EXPECT_EQ(usable_cores(8, 2.9), 2);
  EXPECT_EQ(usable_cores(8, 0.5), 1);
  EXPECT_EQ(usable_cores(2, 16), 2);
}

TEST(System, DescribesThisMachine) {
  EXPECT_GE(cpu_info().n_cores, 1);
  EXPECT_EQ(std::ranges::count(std::string(version()), '.'), 2);
  EXPECT_GT(available_memory_bytes(), 1 << 20);
}

TEST(System, PeakMemoryRemembersWhatIsGone) {
  const int64_t before = peak_rss_bytes();
  const int64_t size = before + (64 << 20);
  {
    std::vector<char> memory(static_cast<size_t>(size));
    for (size_t page = 0; page < memory.size(); page += 4096) static_cast<volatile char*>(memory.data())[page] = 1;
  }
  EXPECT_GT(peak_rss_bytes(), size);
}

}  // namespace
}  // namespace tidemill
