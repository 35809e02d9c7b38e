#include "data/loader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <map>
#include <optional>
#include <set>
#include <thread>

#include "data/shard_set.h"
#include "image/codec/codec.h"
#include "image/resample.h"
#include "image/transform.h"
#include "tests/support/encode_image.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/data/faulty_source.h"
#include "tests/unit/data/shard_fixture.h"

namespace bbg::data {
namespace {

constexpr uint64_t kSeed = 9;
constexpr int64_t kSamples = 50;

// JPEG files of 50 sizes.
void write_jpegs(const std::string& folder) {
  test::DataSetWriter writer({.folder = folder,
                              .channels = 3,
                              .encoding = Encoding::kJpeg,
                              .shard_count = 3,
                              .class_names = kClassNames});
  for (int i = 0; i < kSamples; ++i) {
    const int height = 17 + i % 13, width = 15 + i % 11;
    const Samples one = random_samples(1, height, width);
    const std::string file =
        test::encode_jpeg(height, width, JCS_RGB, JCS_YCbCr, one.pixels[0], i % 5 == 0);
    writer.add({reinterpret_cast<const uint8_t*>(file.data()), file.size()}, i % 2);
  }
  writer.close();
}

struct Case {
  Encoding encoding;
  image::Augment augment;
  bool flip;
  int64_t size;
  friend void PrintTo(const Case& one, std::ostream* out) {
    *out << core::word_of(kEncodings, one.encoding) << " "
         << core::word_of(image::kAugments, one.augment) << (one.flip ? " flipped " : " ")
         << one.size;
  }
};

class LoaderOutput : public testing::TestWithParam<Case> {
 protected:
  LoaderOutput() {
    if (GetParam().encoding == Encoding::kRaw) {
      write_shards(random_samples(kSamples, 20, 20), folder_.path(), 3);
    } else {
      write_jpegs(folder_.path());
    }
    shards_.emplace(ShardSet::open(folder_.path()));
    options_.batch = 12;
    options_.augment = GetParam().augment;
    options_.flip = GetParam().flip;
  }

  SamplePlan plan() const { return {kSeed, kSamples, options_.batch}; }

  // Whole images, from which a choice is cut by the plain rules.
  std::vector<uint8_t> expected(int64_t draw, int64_t slot) const {
    const int64_t id = plan().sample_id(draw, slot), size = GetParam().size;
    core::Image whole{20, 20, 3, std::vector<uint8_t>(20 * 20 * 3)};
    if (GetParam().encoding == Encoding::kRaw) {
      shards_->read(id, whole.pixels);
    } else {
      std::vector<uint8_t> buffer, memory;
      whole =
          copy(image::Decoder({.channels = 3})
                   .decode(shards_->source()->read(id, buffer, Check::kTrust), "a test", memory));
    }
    const image::TransformOptions options{.augment = GetParam().augment,
                                          .flip = GetParam().flip,
                                          .size = size,
                                          .is_equal_sized = GetParam().encoding == Encoding::kRaw};
    const image::Choice choice =
        image::choose(options, kSeed, draw, slot, whole.height, whole.width);
    std::vector<uint8_t> out(static_cast<size_t>(size * size * 3));
    image::Resampler(image::Filter::kBicubic)
        .resample(image::window(image::view(whole), choice.box), size, size, out);
    if (choice.is_flipped) image::flip_horizontally(out, size, size, 3);
    return out;
  }

  test::TemporaryFolder folder_;
  std::optional<ShardSet> shards_;
  DataOptions options_;
};

TEST_P(LoaderOutput, IsThatOfOneImageAfterTheOtherWhateverTheThreads) {
  const int64_t size = GetParam().size;
  for (int64_t threads = 1; threads <= 7; ++threads) {
    options_.loader_threads = threads;
    options_.prefetch = 1 + threads % 3;
    Loader loader(shards_->source(), {.plan = plan(),
                                      .options = options_,
                                      .slots = core::Slots::of_rank(12, 1, 2),
                                      .size = size,
                                      .first_draw = 3});
    for (int64_t draw = 3; draw < 12; ++draw) {
      const Lease batch = loader.next();
      ASSERT_EQ(batch->draw, draw);
      ASSERT_EQ(std::ssize(batch->pixels()), 6 * size * size * 3);
      for (int64_t row = 0; row < 6; ++row) {
        const int64_t id = plan().sample_id(draw, 6 + row);
        ASSERT_EQ(batch->sample_ids[static_cast<size_t>(row)], id);
        ASSERT_EQ(batch->labels[static_cast<size_t>(row)], shards_->label(id));
        const auto pixels = batch->pixels().subspan(static_cast<size_t>(row * size * size * 3),
                                                    static_cast<size_t>(size * size * 3));
        const std::vector<uint8_t> wanted = expected(draw, 6 + row);
        ASSERT_TRUE(std::equal(pixels.begin(), pixels.end(), wanted.begin())) << draw << " " << row;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Raw, LoaderOutput,
    testing::Values(Case{Encoding::kRaw, image::Augment::kNone, false, 20},
                    Case{Encoding::kRaw, image::Augment::kNone, true, 13},
                    Case{Encoding::kRaw, image::Augment::kRandomPlace, false, 20},
                    Case{Encoding::kRaw, image::Augment::kRandomPlace, true, 20},
                    Case{Encoding::kRaw, image::Augment::kRandomPlace, true, 13},
                    Case{Encoding::kRaw, image::Augment::kRandomArea, false, 20},
                    Case{Encoding::kRaw, image::Augment::kRandomArea, true, 26}));
INSTANTIATE_TEST_SUITE_P(
    Jpeg, LoaderOutput,
    testing::Values(Case{Encoding::kJpeg, image::Augment::kNone, true, 16},
                    Case{Encoding::kJpeg, image::Augment::kRandomPlace, true, 16},
                    Case{Encoding::kJpeg, image::Augment::kRandomPlace, false, 40},
                    Case{Encoding::kJpeg, image::Augment::kRandomArea, true, 16}));

// Sample ids of the draws [first, last), in slot order, as `ranks` loaders find them.
std::vector<int64_t> ids_of(const std::shared_ptr<const FaultySource>& source, int64_t batch,
                            int ranks, int64_t first, int64_t last) {
  DataOptions options;
  options.batch = batch;
  options.loader_threads = 2;
  std::vector<std::unique_ptr<Loader>> loaders;
  for (int rank = 0; rank < ranks; ++rank) {
    loaders.push_back(std::make_unique<Loader>(
        source, LoaderSetup{.plan = {kSeed, source->size(), batch},
                            .options = options,
                            .slots = core::Slots::of_rank(batch, rank, ranks),
                            .size = 1,
                            .first_draw = first}));
  }
  std::vector<int64_t> ids;
  for (int64_t draw = first; draw < last; ++draw) {
    for (const auto& loader : loaders) {
      const Lease lease = loader->next();
      ids.insert(ids.end(), lease->sample_ids.begin(), lease->sample_ids.end());
    }
  }
  return ids;
}

TEST(LoaderEpochs, AreTheSameOnAnyNumberOfRanksAndAfterAResumeAndHoldEachSampleOnce) {
  const auto source = std::make_shared<FaultySource>(50);  // 6.25 batches
  const std::vector<int64_t> ids = ids_of(source, 8, 1, 0, 19);
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    const auto first = ids.begin() + 50 * epoch;
    EXPECT_EQ(std::set<int64_t>(first, first + 50).size(), 50) << epoch;
  }
  for (const int ranks : {2, 4, 8}) {
    EXPECT_EQ(ids_of(source, 8, ranks, 0, 19), ids) << ranks;
    EXPECT_EQ(ids_of(source, 8, ranks, 10, 19), (std::vector(ids.begin() + 80, ids.end())));
  }
}

DataOptions few(int64_t prefetch) {
  DataOptions options;
  options.batch = 4;
  options.loader_threads = 3;
  options.prefetch = prefetch;
  return options;
}

LoaderSetup setup_of(const FaultySource& source, const DataOptions& options) {
  return {.plan = {kSeed, source.size(), options.batch},
          .options = options,
          .slots = core::Slots::of_rank(options.batch, 0, 1),
          .size = 1};
}

TEST(LoaderMemory, IsUsedAgainOnceItIsGivenBackAndNeverWhileItIsLent) {
  const auto source = std::make_shared<FaultySource>(50);
  Loader loader(source, setup_of(*source, few(3)));
  std::map<const uint8_t*, int> uses;
  for (int i = 0; i < 200; ++i) ++uses[loader.next()->pixels().data()];
  EXPECT_LE(uses.size(), 4) << "more than are read ahead and lent";
  std::vector<Lease> kept;
  std::set<const uint8_t*> places;
  for (int i = 0; i < 20; ++i) {
    kept.push_back(loader.next());
    places.insert(kept.back()->pixels().data());
  }
  EXPECT_EQ(places.size(), 20);
  for (const Lease& lease : kept) {
    for (size_t row = 0; row < 4; ++row) EXPECT_EQ(lease->pixels()[row], lease->sample_ids[row]);
  }
}

TEST(LoaderMemory, OutlivesTheLoaderWhereItIsLent) {
  const auto source = std::make_shared<FaultySource>(50);
  auto loader = std::make_unique<Loader>(source, setup_of(*source, few(3)));
  const Lease lease = loader->next();
  loader.reset();
  for (size_t row = 0; row < 4; ++row) EXPECT_EQ(lease->pixels()[row], lease->sample_ids[row]);
}

TEST(LoaderMemory, ThatTheSystemRefusesIsThrownFromNext) {
  const auto source = std::make_shared<FaultySource>(50);
  LoaderSetup setup = setup_of(*source, few(3));
  setup.allocate = [](int64_t) -> std::shared_ptr<uint8_t> { throw core::UsageError("no memory"); };
  Loader loader(source, setup);
  EXPECT_THROW(loader.next(), core::UsageError);
}

TEST(LoaderChecks, CompareEachSampleWithItsDigestWhenAProcessFirstReadsIt) {
  const auto source = std::make_shared<FaultySource>(50);
  LoaderSetup setup = setup_of(*source, few(3));
  const auto verified_of = [&](int64_t first, int64_t draws) {
    setup.first_draw = first;
    source->verified = 0;
    Loader loader(source, setup);
    for (int64_t i = 0; i < draws; ++i) loader.next();
    return source->verified.load();
  };
  EXPECT_EQ(verified_of(0, 40), 50);
  EXPECT_EQ(verified_of(5, 40), 30 + 50) << "the rest of an epoch, and a whole one";
  setup.options.verify = false;
  EXPECT_EQ(verified_of(0, 40), 0);
}

TEST(LoaderClock, CountsTheSecondsThatNextWaits) {
  const auto source = std::make_shared<FaultySource>(50);
  source->stuck_id = SamplePlan(kSeed, 50, 4).sample_id(1, 0);
  Loader loader(source, setup_of(*source, few(1)));
  loader.next();
  const double before = loader.waited_seconds();
  const auto later = std::async(std::launch::async, [&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    source->go.set_value();
  });
  loader.next();
  EXPECT_GE(loader.waited_seconds() - before, 0.02);
}

}  // namespace
}  // namespace bbg::data
