#include "feed/read_samples.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/data/faulty_source.h"
#include "tests/unit/data/shard_fixture.h"

namespace bbg::feed {
namespace {

class ReadSamples : public testing::Test {
 protected:
  ReadSamples() { data::write_shards(samples_, folder_.path(), 3); }
  data::ShardSet shards() const { return data::ShardSet::open(folder_.path()); }

  data::Samples samples_ = data::random_samples(50, 4, 5);
  test::TemporaryFolder folder_;
};

TEST_F(ReadSamples, TakesTheMiddleOfEachInTheOrderGiven) {
  const std::vector<int64_t> ids = {5, 0, 49, 5};
  const core::Batch some = read_samples(shards(), ids, 2);
  EXPECT_TRUE(at::equal(some.sample_ids, at::tensor(ids, at::kLong)));
  EXPECT_TRUE(at::equal(some.images[0], some.images[3]));
  for (int64_t row = 0; row < 4; ++row) {
    const auto id = static_cast<size_t>(ids[static_cast<size_t>(row)]);
    EXPECT_EQ(some.labels[row].item<int64_t>(), samples_.labels[id]);
    const at::Tensor middle = at::tensor(samples_.pixels[id], at::kByte)
                                  .view({4, 5, 3})
                                  .permute({2, 0, 1})
                                  .narrow(1, 1, 2)
                                  .narrow(2, 1, 2);
    const at::Tensor expected = middle.to(at::kFloat).div_(at::full({1}, 127.5f)).sub_(1);
    EXPECT_TRUE(at::equal(some.images[row], expected));
  }
}

TEST_F(ReadSamples, OfARangeAreTheSame) {
  const core::Batch all = read_range(shards(), 0, 50, 4);
  const std::vector<int64_t> ids = {7, 8};
  EXPECT_TRUE(at::equal(read_samples(shards(), ids, 4).images, all.images.narrow(0, 7, 2)));
  EXPECT_TRUE(at::equal(read_range(shards(), 49, 1, 4).images[0], all.images[49]));
}

TEST_F(ReadSamples, OfAViewAreThePartsThatTheTransformChooses) {
  const View view{.augment = image::Augment::kRandomArea, .flip = true, .seed = 3, .draw = -7};
  const core::Batch found = read_range(shards(), 10, 20, 4, data::OnCorrupt::kStop, view);
  image::Resampler resampler(image::Filter::kBicubic);
  int64_t mirrored = 0;
  for (int64_t row = 0; row < 20; ++row) {
    const int64_t id = 10 + row;
    const image::Pixels stored{samples_.pixels[static_cast<size_t>(id)].data(), 4, 5, 3, 15};
    const image::Choice choice =
        image::choose({.augment = view.augment, .flip = true, .size = 4, .is_equal_sized = true},
                      view.seed, view.draw, id, 4, 5);
    mirrored += choice.is_flipped ? 1 : 0;
    std::vector<uint8_t> out(4 * 4 * 3);
    image::apply(image::window(stored, choice.box), choice.is_flipped, 4, resampler, out);
    const at::Tensor expected = at::tensor(out, at::kByte)
                                    .view({4, 4, 3})
                                    .permute({2, 0, 1})
                                    .to(at::kFloat)
                                    .div_(at::full({1}, 127.5f))
                                    .sub_(1);
    EXPECT_TRUE(at::equal(found.images[row], expected)) << row;
  }
  EXPECT_GT(mirrored, 0);
  EXPECT_LT(mirrored, 20);
}

TEST_F(ReadSamples, StopsAtADamagedOneOrTakesTheNextInItsPlace) {
  const std::string path = shards().files()[1];
  std::string bytes = test::read_file(path);
  const std::string victim(samples_.pixels[20].begin(), samples_.pixels[20].end());
  bytes[bytes.find(victim)] ^= 1;
  test::write_file(path, bytes);
  EXPECT_THROW(read_range(shards(), 19, 3, 4), core::UsageError);
  const core::Batch batch = read_range(shards(), 19, 3, 4, data::OnCorrupt::kSkip);
  EXPECT_TRUE(at::equal(batch.sample_ids, at::tensor({19, 21, 21}, at::kLong)));
  EXPECT_TRUE(at::equal(batch.images[1], batch.images[2]));
}

TEST(ReadSamplesRetries, WhereTheDiskWasAwayForAMoment) {
  data::FaultySource source(8);
  source.failures = {{3, 1}};
  const core::Batch batch = read_range(source, 0, 8, 1);
  EXPECT_TRUE(at::equal(batch.sample_ids, at::arange(8)));
  EXPECT_EQ(source.reads, 9);
  data::FaultySource locked(8);
  locked.failures = {{3, 1}};
  locked.code = EACCES;
  EXPECT_THROW(read_range(locked, 0, 8, 1), core::SystemError);
}

}  // namespace
}  // namespace bbg::feed
