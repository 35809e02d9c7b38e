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
#include "eval/probe.h"
#include "extractor/open_extractor.h"
#include "measure/evaluation.h"
#include "measure/extracted.h"
#include "measure/reconstruction_entries.h"
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

  Json measured_by(comm::Communicator& ranks, const Measures& measures = measures_of_runs()) const {
    Json result;
    with_subject(ranks, [&](const Context& context, const Subject& subject) {
      Evaluation(context, train_, &test_, measures).measure(subject, result);
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

TEST_F(Generation, GivenStatisticsStandForTheTrainingImages) {
  comm::SelfCommunicator alone;
  const Json own = measured_by(alone);
  const auto files = core::make_posix_file_system();
  const std::string kept = config_.measuring().statistics_folder;
  const std::string given = folder_ / "theirs.npz";
  for (const std::string& name : files->list(kept)) {
    if (read_statistics(*files, kept + "/" + name).mean.size(0) != 6) continue;  // the network's
    core::write_atomically(*files, given, files->read(kept + "/" + name));
  }
  config_.extractor.inception_statistics = given;
  EXPECT_NO_THROW(check_statistics(*files, given, 6));
  EXPECT_THROW(check_statistics(*files, given, 7), core::UsageError);
  std::filesystem::remove_all(folder_ / "run");
  testing::run_ranks(2, [&](comm::Communicator& ranks) {
    const Json result = measured_by(ranks);
    const double wanted = own["fid"]["samples"].get<double>();
    EXPECT_NEAR(result["fid"]["samples"].get<double>(), wanted, 2e-5 * wanted);
    EXPECT_EQ(result["protocol"]["fid_reference"],
              "mean and covariance of the file theirs.npz stand for those of training images");
    EXPECT_FALSE(result["protocol"].contains("network_reference"));
  });
  EXPECT_EQ(files->list(kept).size(), 1u);  // the other network's
}

const Measures& of_reconstructions() {
  static const Measures measures = [] {
    Measures some;
    add_reconstruction_measures(some);
    return some;
  }();
  return measures;
}

double mean_norm(const at::Tensor& difference) {
  return difference.flatten(1).to(at::kDouble).norm(2, 1).mean().item<double>();
}

TEST_F(Generation, ReconstructionsAndRoundTripsAreMeasuredOnAnyNumberOfRanks) {
  comm::SelfCommunicator alone;
  const Json result = measured_by(alone, of_reconstructions());
  with_subject(alone, [&](const Context& context, const Subject& subject) {
    const Images images(context, train_, &test_);
    make_standing(context, subject.generator);
    make_standing(context, images, *subject.encoder);
    const core::Batch all = images.read(images.test(), 0, 33);
    const auto expect = [&](const char* key, const at::Tensor& real, const at::Tensor& made) {
      // Convolutions of other batch sizes, in float32.
      const double error = mean_norm(real - made), another = mean_norm(real.roll(-1, 0) - made);
      EXPECT_NEAR(result[key]["error"].get<double>(), error, 1e-5 * error) << key;
      EXPECT_NEAR(result[key]["error_random"].get<double>(), another, 1e-5 * another) << key;
      EXPECT_NEAR(result[key]["ratio"].get<double>(), error / another, 1e-5) << key;
    };
    const at::Tensor made = reconstruct(subject, all);
    expect("reconstruction", all.images, made);
    expect("sampled_reconstruction", all.images,
           reconstruct_from_sample(subject, all, encoder_noise(context, 0, 33)));
    const at::Tensor z = Sampler(context).noise(core::kSamplesDraw, 0, 24).z;
    expect("round_trip", z, subject.encoder->forward(subject.generator.forward(z, {})).mean);
    const auto of = [&](const at::Tensor& x) { return extract(*context.extractors->inception, x); };
    expect("inception_reconstruction", of(all.images).features, of(made).features);
    EXPECT_DOUBLE_EQ(
        result["inception_reconstruction"]["class_kept"].get<double>(),
        of(all.images).logits.argmax(1).eq(of(made).logits.argmax(1)).sum().item<int64_t>() / 33.0);
    EXPECT_FALSE(result["network_reconstruction"].contains("class_kept"));  // no logits
  });
  testing::run_ranks(2, [&](comm::Communicator& ranks) {
    const Json again = measured_by(ranks, of_reconstructions());
    for (const char* key : {"reconstruction", "sampled_reconstruction", "round_trip",
                            "inception_reconstruction", "class_kept"}) {
      for (const auto& [field, value] : result[key].items()) {
        const double wanted = value.get<double>();
        EXPECT_NEAR(again[key][field].get<double>(), wanted, 2e-5 * std::abs(wanted)) << key;
      }
    }
  });
}

TEST_F(Generation, ClassKeptIsOfTheClassifierOfTheProbe) {
  comm::SelfCommunicator alone;
  config_.evaluate.probe_iterations = 100;
  const Json result = measured_by(alone, of_reconstructions());
  with_subject(alone, [&](const Context& context, const Subject& subject) {
    const Images images(context, train_, &test_);
    make_standing(context, subject.generator);
    make_standing(context, images, *subject.encoder);
    const core::Batch train = images.read(images.train(), 0, 64);
    const core::Batch test = images.read(images.test(), 0, 33);
    const auto feature = [&](const at::Tensor& x) { return subject.encoder->forward(x).feature; };
    const eval::ProbeResult probe =
        eval::linear_probe(alone, feature(train.images), train.labels, feature(test.images),
                           test.labels, config_.evaluate.probe());
    const at::Tensor given = probe.classifier.predict(feature(test.images));
    EXPECT_EQ(probe.accuracy, given.eq(test.labels).to(at::kDouble).mean().item<double>());
    const at::Tensor made = probe.classifier.predict(feature(reconstruct(subject, test)));
    // Features of other batch sizes may move an image over the border.
    EXPECT_NEAR(result["class_kept"]["kept"].get<double>(),
                made.eq(given).to(at::kDouble).mean().item<double>(), 1.5 / 33);
    EXPECT_NEAR(result["class_kept"]["right"].get<double>(),
                made.eq(test.labels).to(at::kDouble).mean().item<double>(), 1.5 / 33);
  });
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
