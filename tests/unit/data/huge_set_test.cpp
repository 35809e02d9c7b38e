// A data set far larger than memory: its reader must not keep anything of the number of samples.

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "data/sample_plan.h"
#include "data/shard_set.h"
#include "tests/support/hollow_data_set.h"
#include "tests/support/temporary_folder.h"

namespace bbg::data {
namespace {

constexpr int64_t kSide = 4;

int64_t resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word == "VmRSS:") {
      int64_t kib = 0;
      status >> kib;
      return kib * 1024;
    }
  }
  return -1;
}

// Bytes that this process gained by reading 4,000 samples from all over the set.
int64_t bytes_of_reading(const std::string& folder) {
  const int64_t before = resident_bytes();
  const ShardSet set = ShardSet::open(folder);
  const SamplePlan plan(1, set.size(), 100);
  std::vector<uint8_t> pixels(kSide * kSide);
  for (int64_t draw = 0; draw < 40; ++draw) {
    for (int64_t slot = 0; slot < 100; ++slot) {
      const int64_t id = plan.sample_id(draw, slot);
      set.source()->read_pixels(id, pixels, Check::kTrust);
      EXPECT_EQ(set.label(id), 0);
    }
  }
  EXPECT_EQ(set.first_without_label(0, set.size()), std::nullopt);
  return resident_bytes() - before;
}

TEST(HugeSets, TakeNoMoreMemoryThanSmallOnes) {
  const test::TemporaryFolder folder;
  const std::string small = test::write_hollow_data_set(folder / "small", 10'000, kSide);
  const std::string huge = test::write_hollow_data_set(folder / "huge", 1'000'000'000, kSide);
  bytes_of_reading(small);  // HDF5 and allocators take some once
  const int64_t of_small = bytes_of_reading(small), of_huge = bytes_of_reading(huge);
  EXPECT_LT(of_huge, of_small + (20 << 20));
}

}  // namespace
}  // namespace bbg::data
