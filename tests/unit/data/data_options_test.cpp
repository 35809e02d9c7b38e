#include "data/data_options.h"

#include <gtest/gtest.h>

namespace bbg::data {
namespace {

TEST(DataOptions, AreDeclaredUnderTheirFixedNames) {
  DataOptions options;
  core::OptionTable table;
  options.declare(table);
  table.parse({"--data.shards",  "a",     "--data.test-shards", "b",
               "--data.batch",   "32",    "--data.flip",        "true",
               "--data.crop",    "24",    "--data.augment",     "random-area",
               "--data.threads", "2",     "--data.prefetch",    "5",
               "--data.verify",  "false", "--data.on-corrupt",  "skip"});
  EXPECT_EQ(options.shards, "a");
  EXPECT_EQ(options.test_shards, "b");
  EXPECT_EQ(options.batch, 32);
  EXPECT_TRUE(options.flip);
  EXPECT_EQ(options.crop, 24);
  EXPECT_EQ(options.augment, Augment::kRandomArea);
  EXPECT_EQ(options.loader_threads, 2);
  EXPECT_EQ(options.prefetch, 5);
  EXPECT_FALSE(options.verify);
  EXPECT_EQ(options.on_corrupt, OnCorrupt::kSkip);
}

TEST(DataOptions, GiveTheCoresThatAreLeftToReading) {
  DataOptions options;
  EXPECT_EQ(options.threads_on(12, 1), 11);
  EXPECT_EQ(options.threads_on(8, 6), 2);
  EXPECT_EQ(options.threads_on(2, 2), 1);
  EXPECT_EQ(options.threads_on(1, 4), 1);
  EXPECT_EQ(options.threads_on(192, 1), 16);
  options.loader_threads = 3;
  EXPECT_EQ(options.threads_on(192, 1), 3);
}

}  // namespace
}  // namespace bbg::data
