#include "run/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bbg::run {
namespace {

using ::testing::Pair;
using ::testing::UnorderedElementsAre;

TEST(Progress, SurvivesTheTextOfACheckpoint) {
  const RunConfig config;
  const Progress progress{
      .step = 12, .image_offset = -96, .bucket_bytes = 1 << 20, .watch = R"({"rollbacks":2})"};
  auto entries = progress.entries();
  EXPECT_THAT(entries, UnorderedElementsAre(Pair("step", "12"), Pair("image_offset", "-96"),
                                            Pair("bucket_bytes", "1048576"),
                                            Pair("watch", R"({"rollbacks":2})")));
  entries["data.batch"] = std::to_string(config.data.batch);
  const Progress again = Progress::of_entries(entries, config);
  EXPECT_EQ(again.step, 12);
  EXPECT_EQ(again.image_offset, -96);
  EXPECT_EQ(again.bucket_bytes, 1 << 20);
  EXPECT_EQ(again.watch, progress.watch);
}

TEST(Progress, EntriesOfARunWithoutBucketsAndWithItsFirstBatchAreTwo) {
  EXPECT_THAT(Progress().entries(), UnorderedElementsAre(Pair("step", "0"), Pair("watch", "")));
}

// 10 steps of three batches of 64 images are 1920 images; with batches of 16 that many are 40
// steps.
TEST(Progress, ImagesSeenStayWhereTheBatchChanges) {
  RunConfig config;
  config.train.d_steps = 2;
  config.data.batch = 16;
  const Progress progress = Progress::of_entries({{"step", "10"}, {"data.batch", "64"}}, config);
  EXPECT_EQ(progress.image_offset + 10 * 3 * 16, 10 * 3 * 64);
}

}  // namespace
}  // namespace bbg::run
