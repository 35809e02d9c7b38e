#pragma once
// Small data sets with known content, for the tests of reading and writing shards.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/rng.h"
#include "data/shard_set.h"
#include "data/verify.h"
#include "tests/support/data_set_writer.h"

namespace bbg::data {

struct Samples {
  int64_t height = 4, width = 3, channels = 3;
  std::vector<std::vector<uint8_t>> pixels;
  std::vector<int64_t> labels;

  int64_t size() const { return static_cast<int64_t>(pixels.size()); }
};

inline Samples random_samples(int64_t count, int64_t height = 4, int64_t width = 3,
                              int64_t channels = 3) {
  Samples samples{
      .height = height, .width = width, .channels = channels, .pixels = {}, .labels = {}};
  core::RandomStream random(1, core::Purpose::kEvaluate, 0, 0);
  for (int64_t i = 0; i < count; ++i) {
    std::vector<uint8_t> pixels(static_cast<size_t>(height * width * channels));
    for (uint8_t& value : pixels) value = static_cast<uint8_t>(random.next_uint32());
    samples.pixels.push_back(pixels);
    samples.labels.push_back(static_cast<int64_t>(random.next_below(3)) - 1);
  }
  return samples;
}

inline const std::vector<std::string> kClassNames = {"cat", "d\"o\"g \xC3\xBC"};

// Returns the paths of the shards.
inline std::vector<std::string> write_shards(const Samples& samples, const std::string& folder,
                                             int64_t shard_count) {
  test::DataSetWriter writer({.folder = folder,
                              .height = samples.height,
                              .width = samples.width,
                              .channels = samples.channels,
                              .shard_count = shard_count,
                              .class_names = kClassNames});
  for (int64_t i = 0; i < samples.size(); ++i) {
    writer.add(samples.pixels[static_cast<size_t>(i)], samples.labels[static_cast<size_t>(i)]);
  }
  return writer.close();
}

// Says the first thing that is wrong with a data set, or "accepted".
inline std::string refusal(const std::string& path) {
  try {
    const Verdict verdict = verify(path, {.threads = 2});
    return verdict.problems.empty() ? "accepted" : verdict.problems.front();
  } catch (const core::UsageError& error) {
    return error.what();
  }
}

inline void expect_equal(const ShardSet& shards, const Samples& samples) {
  ASSERT_EQ(shards.size(), samples.size());
  std::vector<uint8_t> pixels(samples.pixels[0].size());
  for (int64_t i = 0; i < samples.size(); ++i) {
    shards.read(i, pixels);
    EXPECT_EQ(pixels, samples.pixels[static_cast<size_t>(i)]) << "sample " << i;
    EXPECT_EQ(shards.label(i), samples.labels[static_cast<size_t>(i)]) << "sample " << i;
  }
}

}  // namespace bbg::data
