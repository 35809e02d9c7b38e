#include "feed/loader.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <set>

#include "feed/planes.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/data/shard_fixture.h"

namespace bbg::feed {
namespace {

class LoaderTest : public testing::Test {
 protected:
  LoaderTest() {
    data::write_shards(samples_, folder_.path(), 3);
    shards_.emplace(data::ShardSet::open(folder_.path()));
    options_.batch = 8;
    options_.loader_threads = 3;
  }

  data::SamplePlan plan() const { return {9, samples_.size(), options_.batch}; }
  data::LoaderSetup setup(int rank, int size, int64_t portions = 1, int64_t first_draw = 0) const {
    return {.plan = plan(),
            .options = options_,
            .slots = core::Slots::of_rank(options_.batch, rank, size, portions),
            .size = options_.crop > 0 ? options_.crop : 4,
            .first_draw = first_draw};
  }

  data::Samples samples_ = data::random_samples(50, 4, 4);
  test::TemporaryFolder folder_;
  std::optional<data::ShardSet> shards_;
  data::DataOptions options_;
};

float value_of(uint8_t byte) { return static_cast<float>(byte) / 127.5f - 1.0f; }

TEST(Planes, HoldTheValueOfEveryByteInPlacesOfAnyNumber) {
  for (const int64_t channels : {1, 3}) {
    for (const int64_t area : {1, 7, 64, 1000}) {
      std::vector<uint8_t> bytes(static_cast<size_t>(area * channels));
      for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i);
      std::vector<float> planes(bytes.size());
      to_planes(bytes.data(), area, channels, planes.data());
      for (int64_t c = 0; c < channels; ++c) {
        for (int64_t i = 0; i < area; ++i) {
          ASSERT_EQ(planes[static_cast<size_t>(c * area + i)],
                    value_of(bytes[static_cast<size_t>(i * channels + c)]));
        }
      }
    }
  }
}

TEST_F(LoaderTest, ImagesAreTheSamplesOfThePlanAsPlanesInMinusOneToOne) {
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    Loader loader(*shards_, setup(1, 2, 1, 3), type);
    for (int64_t draw = 3; draw < 30; ++draw) {
      const core::Batch batch = loader.next();
      ASSERT_EQ(batch.images.sizes(), (std::vector<int64_t>{4, 3, 4, 4}));
      ASSERT_EQ(batch.images.scalar_type(), type);
      for (int64_t i = 0; i < 4; ++i) {
        const int64_t id = plan().sample_id(draw, 4 + i);
        const at::Tensor pixels =
            at::tensor(samples_.pixels[static_cast<size_t>(id)], at::kByte).view({4, 4, 3});
        ASSERT_EQ(batch.sample_ids[i].item<int64_t>(), id);
        ASSERT_EQ(batch.labels[i].item<int64_t>(), samples_.labels[static_cast<size_t>(id)]);
        const at::Tensor expected =
            pixels.permute({2, 0, 1}).to(at::kFloat).div_(at::full({1}, 127.5f)).sub_(1).to(type);
        ASSERT_TRUE(at::equal(batch.images[i], expected));
      }
    }
  }
}

TEST_F(LoaderTest, MemoryOfImagesIsUsedAgainOnceNobodyHoldsThemOrAViewOfThem) {
  Loader loader(*shards_, setup(0, 1), at::kFloat);
  std::set<const void*> places;
  for (int i = 0; i < 20; ++i) places.insert(loader.next().images.const_data_ptr());
  EXPECT_EQ(places.size(), 1);
  const at::Tensor view = loader.next().images.select(0, 7);
  const at::Tensor copy = view.clone();
  for (int i = 0; i < 20; ++i) loader.next();
  EXPECT_TRUE(at::equal(view, copy));
}

TEST_F(LoaderTest, RanksTogetherReadWhatOneRankReads) {
  options_.flip = true;
  options_.crop = 2;
  Loader whole(*shards_, setup(0, 1), at::kFloat);
  std::vector<std::unique_ptr<Loader>> ranks;
  for (int rank = 0; rank < 4; ++rank) {
    ranks.push_back(std::make_unique<Loader>(*shards_, setup(rank, 4), at::kFloat));
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
  Loader from_start(*shards_, setup(0, 1), at::kFloat);
  options_.loader_threads = 1;
  options_.prefetch = 1;
  Loader resumed(*shards_, setup(0, 1, 1, 7), at::kFloat);
  for (int draw = 0; draw < 7; ++draw) from_start.next();
  for (int draw = 7; draw < 20; ++draw) {
    EXPECT_TRUE(at::equal(from_start.next().images, resumed.next().images));
  }
}

TEST_F(LoaderTest, PortionsHaveTheSameSamplesOnAnyNumberOfRanks) {
  Loader whole(*shards_, setup(0, 1), at::kFloat);
  Loader first(*shards_, setup(0, 2, 2), at::kFloat);
  Loader second(*shards_, setup(1, 2, 2), at::kFloat);
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

TEST_F(LoaderTest, CropsAtThePlacesThatTheSeedNamesAndThenFlips) {
  Loader plain(*shards_, setup(0, 1), at::kFloat);
  options_.crop = 2;
  options_.flip = true;
  Loader cropping(*shards_, setup(0, 1), at::kFloat);
  std::set<std::pair<int64_t, int64_t>> places;
  for (int64_t draw = 0; draw < 20; ++draw) {
    const at::Tensor whole = plain.next().images, cropped = cropping.next().images;
    for (int64_t slot = 0; slot < 8; ++slot) {
      const image::Choice choice = image::choose({.augment = image::Augment::kRandomPlace,
                                                  .flip = true,
                                                  .size = 2,
                                                  .is_equal_sized = true},
                                                 9, draw, slot, 4, 4);
      places.insert({choice.box.top, choice.box.left});
      const at::Tensor window =
          whole[slot].narrow(1, choice.box.top, 2).narrow(2, choice.box.left, 2);
      EXPECT_TRUE(at::equal(cropped[slot], choice.is_flipped ? window.flip({2}) : window));
    }
  }
  EXPECT_EQ(places.size(), 9);
}

}  // namespace
}  // namespace bbg::feed
