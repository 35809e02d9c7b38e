#include "feed/loader.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <set>
#include <thread>

#include "core/error.h"
#include "data/augment.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/data/shard_fixture.h"

namespace bbg::feed {
namespace {

using testing::HasSubstr;

class LoaderTest : public testing::Test {
 protected:
  LoaderTest() {
    data::write_shards(samples_, folder_.path(), 3);
    shards_.emplace(data::ShardSet::open(folder_.path()));
    options_.batch = 8;
    options_.loader_threads = 3;
  }

  data::SamplePlan plan() const { return {9, samples_.size(), options_.batch}; }
  core::Slots slots(int rank, int size, int64_t portions = 1) const {
    return core::Slots::of_rank(options_.batch, rank, size, portions);
  }

  data::Samples samples_ = data::random_samples(50);
  test::TemporaryFolder folder_;
  std::optional<data::ShardSet> shards_;
  data::DataOptions options_;
};

float value_of(uint8_t byte) { return static_cast<float>(byte) / 127.5f - 1.0f; }

TEST_F(LoaderTest, ImagesAreTheSamplesOfThePlanAsPlanesInMinusOneToOne) {
  Loader loader(*shards_, plan(), options_, slots(1, 2), 3);
  for (int64_t draw = 3; draw < 30; ++draw) {
    const core::Batch batch = loader.next();
    ASSERT_EQ(batch.images.sizes(), (std::vector<int64_t>{4, 2, 4, 3}));
    ASSERT_EQ(batch.images.scalar_type(), at::kFloat);
    for (int64_t i = 0; i < 4; ++i) {
      const int64_t id = plan().sample_id(draw, 4 + i);
      const auto& pixels = samples_.pixels[static_cast<size_t>(id)];
      ASSERT_EQ(batch.sample_ids[i].item<int64_t>(), id);
      ASSERT_EQ(batch.labels[i].item<int64_t>(), samples_.labels[static_cast<size_t>(id)]);
      for (int64_t c = 0; c < 2; ++c) {
        for (int64_t y = 0; y < 4; ++y) {
          for (int64_t x = 0; x < 3; ++x) {
            ASSERT_EQ(batch.images[i][c][y][x].item<float>(),
                      value_of(pixels[static_cast<size_t>((y * 3 + x) * 2 + c)]));
          }
        }
      }
    }
  }
}

TEST_F(LoaderTest, RanksTogetherReadWhatOneRankReads) {
  options_.flip = true;
  options_.crop = 2;
  Loader whole(*shards_, plan(), options_, slots(0, 1), 0);
  std::vector<std::unique_ptr<Loader>> ranks;
  for (int rank = 0; rank < 4; ++rank) {
    ranks.push_back(std::make_unique<Loader>(*shards_, plan(), options_, slots(rank, 4), 0));
  }
  for (int draw = 0; draw < 20; ++draw) {
    std::vector<at::Tensor> images, ids;
    for (const auto& rank : ranks) {
      const core::Batch batch = rank->next();
      images.push_back(batch.images);
      ids.push_back(batch.sample_ids);
    }
    const core::Batch batch = whole.next();
    EXPECT_TRUE(at::equal(batch.images, at::cat(images)));
    EXPECT_TRUE(at::equal(batch.sample_ids, at::cat(ids)));
  }
}

TEST_F(LoaderTest, StartsAnywhereAndThreadsDoNotMatter) {
  options_.flip = true;
  data::DataOptions one_thread = options_;
  one_thread.loader_threads = 1;
  one_thread.prefetch = 1;
  Loader from_start(*shards_, plan(), options_, slots(0, 1), 0);
  Loader resumed(*shards_, plan(), one_thread, slots(0, 1), 7);
  for (int draw = 0; draw < 7; ++draw) from_start.next();
  for (int draw = 7; draw < 20; ++draw) {
    EXPECT_TRUE(at::equal(from_start.next().images, resumed.next().images));
  }
}

TEST_F(LoaderTest, PortionsHaveTheSameSamplesOnAnyNumberOfRanks) {
  Loader whole(*shards_, plan(), options_, slots(0, 1), 0);
  Loader first(*shards_, plan(), options_, slots(0, 2, 2), 0);
  Loader second(*shards_, plan(), options_, slots(1, 2, 2), 0);
  for (int draw = 0; draw < 10; ++draw) {
    const at::Tensor all = whole.next().sample_ids;
    const at::Tensor of_first = first.next().sample_ids, of_second = second.next().sample_ids;
    for (int64_t portion = 0; portion < 2; ++portion) {
      const at::Tensor joined =
          at::cat({of_first.narrow(0, 2 * portion, 2), of_second.narrow(0, 2 * portion, 2)});
      EXPECT_TRUE(at::equal(joined, all.narrow(0, 4 * portion, 4)));
    }
  }
}

TEST_F(LoaderTest, FlipsTheSlotsThatTheSeedNames) {
  Loader plain(*shards_, plan(), options_, slots(0, 1), 0);
  options_.flip = true;
  Loader flipping(*shards_, plan(), options_, slots(0, 1), 0);
  for (int64_t draw = 0; draw < 10; ++draw) {
    const at::Tensor a = plain.next().images, b = flipping.next().images;
    for (int64_t slot = 0; slot < 8; ++slot) {
      const at::Tensor expected = data::is_flipped(9, draw, slot) ? a[slot].flip({2}) : a[slot];
      EXPECT_TRUE(at::equal(b[slot], expected));
    }
  }
}

TEST_F(LoaderTest, CropsAtThePlacesThatTheSeedNamesAndThenFlips) {
  Loader plain(*shards_, plan(), options_, slots(0, 1), 0);
  options_.crop = 2;
  options_.flip = true;
  Loader cropping(*shards_, plan(), options_, slots(0, 1), 0);
  std::set<std::pair<int64_t, int64_t>> places;
  for (int64_t draw = 0; draw < 20; ++draw) {
    const at::Tensor whole = plain.next().images, cropped = cropping.next().images;
    ASSERT_EQ(cropped.sizes(), (std::vector<int64_t>{8, 2, 2, 2}));
    for (int64_t slot = 0; slot < 8; ++slot) {
      const data::Corner corner = data::random_corner(9, draw, slot, 4, 3, 2);
      places.insert({corner.top, corner.left});
      const at::Tensor window = whole[slot].narrow(1, corner.top, 2).narrow(2, corner.left, 2);
      EXPECT_TRUE(
          at::equal(cropped[slot], data::is_flipped(9, draw, slot) ? window.flip({2}) : window));
    }
  }
  EXPECT_EQ(places.size(), 6);
}

TEST_F(LoaderTest, EvaluationCropsTheMiddle) {
  const std::vector<int64_t> ids = {5, 0, 49};
  const at::Tensor whole = read_samples(*shards_, ids).images;
  const at::Tensor middle = read_samples(*shards_, ids, 2).images;
  EXPECT_TRUE(at::equal(middle, whole.narrow(2, 1, 2).narrow(3, 0, 2)));
  EXPECT_TRUE(at::equal(read_range(*shards_, 49, 1, 2).images[0], middle[2]));
}

TEST_F(LoaderTest, EvaluationReadsSamplesUnchangedInOrder) {
  const std::vector<int64_t> ids = {5, 0, 49, 5};
  const core::Batch some = read_samples(*shards_, ids);
  EXPECT_TRUE(at::equal(some.sample_ids, at::tensor(ids, at::kLong)));
  EXPECT_TRUE(at::equal(some.images[0], some.images[3]));
  const core::Batch all = read_range(*shards_, 0, 50);
  EXPECT_TRUE(at::equal(all.images[49], some.images[2]));
  EXPECT_TRUE(at::equal(read_range(*shards_, 5, 1).images[0], some.images[0]));
}

TEST_F(LoaderTest, DamageFoundByAThreadIsThrownFromNext) {
  const std::string path = shards_->files()[1];
  std::string bytes = test::read_file(path);
  const std::string victim(samples_.pixels[20].begin(), samples_.pixels[20].end());
  bytes[bytes.find(victim)] ^= 1;
  test::write_file(path, bytes);
  const data::ShardSet damaged = data::ShardSet::open(folder_.path());
  Loader loader(damaged, plan(), options_, slots(0, 1), 0);
  // An epoch has 50 samples, so the damaged shard is met within 7 draws of 8.
  EXPECT_THROW(
      {
        for (int draw = 0; draw < 7; ++draw) loader.next();
      },
      core::UsageError);
}

// A source whose second sample takes for ever, until the test lets go.
class StuckSource final : public data::SampleSource {
 public:
  int64_t size() const override { return 4; }
  int64_t height() const override { return 1; }
  int64_t width() const override { return 1; }
  int64_t channels() const override { return 1; }
  void read(int64_t index, std::span<uint8_t>) const override {
    ++reads_;
    reads_.notify_all();
    if (index == stuck_id) go_.get_future().wait();
  }
  int64_t label(int64_t) const override { return -1; }
  std::string file(int64_t) const override { return "slow/disk.h5"; }

  int64_t stuck_id = 0;
  mutable std::atomic<int64_t> reads_ = 0;
  mutable std::promise<void> go_;
};

// The loader's threads let go of the source when they end.
void wait_for_threads_of(const std::shared_ptr<StuckSource>& source) {
  while (source.use_count() > 1) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

TEST(LoaderDeadline, NamesDrawAndFileAndLeavesTheStuckThreadBehind) {
  const auto source = std::make_shared<StuckSource>();
  const data::SamplePlan plan(1, 4, 1);
  source->stuck_id = plan.sample_id(1, 0);
  data::DataOptions options;
  options.loader_threads = 1;
  options.deadline_ms = 100;
  {
    Loader loader(source, plan, options, core::Slots::of_rank(plan.global_batch(), 0, 1), 0);
    loader.next();
    try {
      loader.next();
      FAIL() << "did not wait";
    } catch (const core::SystemError& error) {
      EXPECT_TRUE(error.details().restart_can_help);
      EXPECT_EQ(core::exit_code_of(error), core::kExitRestart);
      EXPECT_THAT(error.what(), HasSubstr("draw 1: not there after 100 ms"));
      EXPECT_THAT(error.what(), HasSubstr("slow/disk.h5"));
    }
  }  // must not wait for the thread
  EXPECT_GT(source.use_count(), 1);
  source->go_.set_value();
  wait_for_threads_of(source);
}

// A deadline of an hour, as after an error elsewhere: the message must not wait for a disk.
TEST(LoaderDeadline, TheEndWaitsForNoReadAndTheThreadReadsNoMore) {
  const auto source = std::make_shared<StuckSource>();
  const data::SamplePlan plan(1, 4, 4);
  source->stuck_id = plan.sample_id(0, 0);
  data::DataOptions options;
  options.loader_threads = 1;
  options.deadline_ms = 3'600'000;
  {
    const Loader loader(source, plan, options, core::Slots::of_rank(plan.global_batch(), 0, 1), 0);
    source->reads_.wait(0);
  }
  EXPECT_GT(source.use_count(), 1);
  source->go_.set_value();
  wait_for_threads_of(source);
  EXPECT_EQ(source->reads_, 1) << "read on for a batch that nobody waits for";
}

TEST(DataOptions, AreDeclaredUnderTheirFixedNames) {
  data::DataOptions options;
  core::OptionTable table;
  options.declare(table);
  table.parse({"--data.shards", "a", "--data.test-shards", "b", "--data.batch", "32", "--data.flip",
               "true", "--data.crop", "24", "--data.threads", "2", "--data.prefetch", "5",
               "--data.verify", "false"});
  EXPECT_EQ(options.shards, "a");
  EXPECT_EQ(options.test_shards, "b");
  EXPECT_EQ(options.batch, 32);
  EXPECT_TRUE(options.flip);
  EXPECT_EQ(options.crop, 24);
  EXPECT_EQ(options.loader_threads, 2);
  EXPECT_EQ(options.prefetch, 5);
  EXPECT_FALSE(options.verify);
}

}  // namespace
}  // namespace bbg::feed
