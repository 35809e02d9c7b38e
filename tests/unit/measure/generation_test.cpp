// The measures of samples by others' networks, from images to values: on several ranks as on one,
// and against features that are extracted here.

#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "comm/self_communicator.h"
#include "core/draws.h"
#include "core/file_system.h"
#include "eval/frechet.h"
#include "extractor/open_extractor.h"
#include "measure/evaluation.h"
#include "measure/sampler.h"
#include "measure/standing.h"
#include "measure/statistics_file.h"
#include "ops/cpu_ops.h"
#include "tests/support/threads_communicator.h"
#include "tests/unit/measure/small_subject.h"

namespace bbg::measure {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

std::string golden(const std::string& name) {
  return std::string(BBG_SOURCE_DIR) + "/tests/golden/extractors/" + name;
}

class Generation : public ::testing::Test {
 protected:
  Generation() {
    std::vector<std::string> options = small_options("bigbigan");
    for (const std::string& word :
         {std::string("--extractor.inception"), golden("inception_like.pt"),
          std::string("--extractor.network"), golden("named.pt"), std::string("--extractor.output"),
          std::string("mean"), std::string("--extractor.size"), std::string("40"),
          std::string("--eval.kid-subset-size"), std::string("10"), std::string("--run.output"),
          folder_ / "run"}) {
      options.push_back(word);
    }
    config_.parse(options);
  }

  template <class Use>
  void with_subject(comm::Communicator& ranks, const Use& use) const {
    const at::NoGradGuard no_grad;
    EvaluationProgress silent;
    ops::CpuOps cpu;
    const extractor::Extractors extractors =
        extractor::open_extractors(config_.extractor, *core::make_posix_file_system(), at::kCPU);
    const Context context{config_.measuring(),           ranks,  cpu,
                          at::TensorOptions(at::kFloat), silent, &extractors};
    model::Nets nets = model::make_nets(config_.model, context.backend(), 1);
    use(context, subject_of(nets));
  }

  Json measured_by(comm::Communicator& ranks) const {
    Json result;
    with_subject(ranks, [&](const Context& context, const Subject& subject) {
      Evaluation(context, train_, &test_).measure(subject, result);
    });
    return result;
  }

  test::TemporaryFolder folder_;
  data::ShardSet train_ = random_images(folder_ / "train", 64);
  data::ShardSet test_ = random_images(folder_ / "test", 33);
  run::RunConfig config_;
};

TEST_F(Generation, IsMeasuredByEachNetworkThatIsNamed) {
  comm::SelfCommunicator alone;
  const Json result = measured_by(alone);
  for (const char* key : {"fid", "kid", "manifold", "mind", "inception_score", "network_frechet",
                          "network_kernel", "network_manifold", "network_mind"}) {
    EXPECT_TRUE(result.contains(key)) << key;
    EXPECT_TRUE(result["protocol"].contains(key)) << key;
  }
  EXPECT_FALSE(result.contains("encoder_frechet"));
  EXPECT_THAT(result["protocol"]["fid"].get<std::string>(),
              HasSubstr("to 64 training images on pool3's features"));
  EXPECT_FALSE(result["protocol"].contains("fid_caution"));  // 24 samples for 6 features
  EXPECT_GE(result["inception_score"]["samples"].get<double>(), 1);
}

TEST_F(Generation, DistanceIsThatOfTheFeaturesOfQuantisedImages) {
  comm::SelfCommunicator alone;
  const Json result = measured_by(alone);
  with_subject(alone, [&](const Context& context, const Subject& subject) {
    make_standing(context, subject.generator);
    const at::Tensor samples =
        Sampler(context).images(subject.generator, core::kSamplesDraw, 0, 24);
    const Images images(context, train_, &test_);
    const auto gaussian = [&](const at::Tensor& pixels) {
      return eval::fit_gaussian(alone,
                                context.extractors->inception->extract(to_bytes(pixels)).features);
    };
    const eval::Gaussian train = gaussian(images.read(images.train(), 0, 64).images);
    // Features come in batches of other sizes.
    const auto near = [](double value) { return ::testing::DoubleNear(value, 1e-5 * value); };
    EXPECT_THAT(result["fid"]["samples"].get<double>(),
                near(eval::frechet_distance(gaussian(samples), train)));
    const at::Tensor test = images.read(images.test(), 0, 24).images;  // as many as samples
    EXPECT_THAT(result["fid"]["test"].get<double>(),
                near(eval::frechet_distance(gaussian(test), train)));
  });
}

TEST_F(Generation, ValuesOnSeveralRanksAreThoseOnOne) {
  comm::SelfCommunicator alone;
  const Json expected = measured_by(alone);
  for (const int size : {2, 4}) {
    std::filesystem::remove_all(folder_ / "run");
    testing::run_ranks(size, [&](comm::Communicator& ranks) {
      const Json result = measured_by(ranks);
      for (const char* key : {"fid", "kid", "manifold", "mind", "inception_score",
                              "network_frechet", "network_kernel"}) {
        for (const auto& [field, value] : expected[key].items()) {
          // Convolutions of other batch sizes, in float32; sums in another order.
          const double wanted = value.get<double>();
          EXPECT_NEAR(result[key][field].get<double>(), wanted, 2e-5 * std::abs(wanted) + 1e-7)
              << key << "." << field;
        }
      }
    });
  }
}

TEST_F(Generation, StatisticsOfTheTrainingImagesAreKeptAndReadAgain) {
  comm::SelfCommunicator alone;
  const Json first = measured_by(alone);
  const auto files = core::make_posix_file_system();
  const std::string folder = config_.measuring().statistics_folder;
  const std::vector<std::string> names = files->list(folder);
  ASSERT_EQ(names.size(), 2u);  // one a network
  EXPECT_EQ(measured_by(alone)["fid"], first["fid"]);
  // They are what is read: with others the distance is another.
  for (const std::string& name : names) {
    const std::string path = folder + "/" + name;
    eval::Gaussian statistics = read_statistics(*files, path);
    statistics.mean += 1;
    write_statistics(*files, path, statistics);
  }
  EXPECT_NE(measured_by(alone)["fid"]["samples"], first["fid"]["samples"]);
  // A damaged file is made anew.
  for (const std::string& name : names) {
    core::write_atomically(*files, folder + "/" + name, "damaged");
  }
  EXPECT_EQ(measured_by(alone)["fid"], first["fid"]);
}

TEST_F(Generation, DistanceByTheEncoderStandsUnderItsOwnNameWhereNoNetworkIsNamed) {
  config_.extractor.inception.clear();
  config_.extractor.network.clear();
  comm::SelfCommunicator alone;
  const Json result = measured_by(alone);
  EXPECT_TRUE(result.contains("encoder_frechet"));
  EXPECT_FALSE(result.contains("fid"));
  EXPECT_GT(result["encoder_frechet"]["samples"].get<double>(), 0);
}

TEST(StatisticsFile, IsReadAsItWasWrittenAndRefusedByNameIfDamaged) {
  const test::TemporaryFolder folder;
  const auto files = core::make_posix_file_system();
  const std::string path = folder / "statistics.npz";
  const eval::Gaussian written{at::arange(3, at::kDouble), at::eye(3, at::kDouble) * 0.1};
  write_statistics(*files, path, written);
  const eval::Gaussian read = read_statistics(*files, path);
  EXPECT_TRUE(read.mean.equal(written.mean));
  EXPECT_TRUE(read.covariance.equal(written.covariance));

  EXPECT_THROW(read_statistics(*files, folder / "absent.npz"), core::UsageError);
  const std::string whole = files->read(path);
  for (const size_t size : {size_t{0}, size_t{10}, whole.size() / 2, whole.size() - 1}) {
    core::write_atomically(*files, path, whole.substr(0, size));
    EXPECT_THROW(read_statistics(*files, path), core::UsageError) << size;
  }
  write_statistics(*files, path, {at::zeros(4, at::kDouble), at::eye(3, at::kDouble)});
  EXPECT_THROW(read_statistics(*files, path), core::UsageError);
}

}  // namespace
}  // namespace bbg::measure
