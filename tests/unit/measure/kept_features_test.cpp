// Features of labelled images: kept in files, and of random views of the images.
#include "measure/kept_features.h"

#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>

#include "comm/self_communicator.h"
#include "data/hdf5_file.h"
#include "measure/evaluation.h"
#include "measure/features.h"
#include "measure/standing.h"
#include "ops/cpu_ops.h"
#include "tests/support/threads_communicator.h"
#include "tests/unit/measure/small_subject.h"

namespace bbg::measure {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

class FeaturesOfImages : public ::testing::Test {
 protected:
  FeaturesOfImages() {
    std::vector<std::string> options = small_options("bigbigan");
    for (const std::string& word : {std::string("--run.output"), folder_ / "run",
                                    std::string("--eval.linear-steps"), std::string("20")}) {
      options.push_back(word);
    }
    config_.parse(options);
  }

  // On networks of this seed.
  template <class Use>
  void with_subject(comm::Communicator& ranks, uint64_t seed, const Use& use) const {
    const at::NoGradGuard no_grad;
    EvaluationProgress silent;
    ops::CpuOps cpu;
    const Context context{config_.measuring(), ranks, cpu, at::TensorOptions(at::kFloat), silent};
    model::Nets nets = model::make_nets(config_.model, context.backend(), seed);
    use(context, subject_of(nets));
  }

  // The first training images by the trained E, and random views of them.
  std::vector<at::Tensor> views(comm::Communicator& ranks, int64_t count) const {
    std::vector<at::Tensor> all;
    with_subject(ranks, 1, [&](const Context& context, const Subject& subject) {
      const Images images(context, train_, &test_);
      make_standing(context, images, *subject.encoder);
      Features features(context, images, subject, Source::kTrained, /*is_last=*/true);
      all.push_back(ranks.all_gather(features.first(40, 18).train.features));
      for (int64_t view = 1; view <= count; ++view) {
        all.push_back(ranks.all_gather(features.view(view, 40)));
      }
    });
    return all;
  }

  Json measured(comm::Communicator& ranks, uint64_t seed = 1) const {
    Json result;
    with_subject(ranks, seed, [&](const Context& context, const Subject& subject) {
      Measures some;
      for (const Measure& one : table()) {
        if (one.key == "linear_probe" || one.key == "linear_protocol") some.push_back(one);
      }
      Evaluation(context, train_, &test_, some).measure(subject, result);
    });
    return result;
  }

  std::vector<std::string> files() const {
    std::vector<std::string> found;
    if (!fs::exists(folder_ / "run/features")) return found;
    for (const auto& entry : fs::directory_iterator(folder_ / "run/features")) {
      found.push_back(entry.path());
    }
    return found;
  }

  test::TemporaryFolder folder_;
  data::ShardSet train_ = random_images(folder_ / "train", 40);
  data::ShardSet test_ = random_images(folder_ / "test", 18);
  run::RunConfig config_;
};

TEST_F(FeaturesOfImages, OfRandomViewsDifferAndAreTheSameOnTwoRanks) {
  comm::SelfCommunicator alone;
  const std::vector<at::Tensor> one = views(alone, 2);
  ASSERT_EQ(one.size(), 3u);
  for (size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i].sizes(), one[0].sizes());
    for (size_t j = 0; j < i; ++j) EXPECT_FALSE(at::allclose(one[i], one[j], 1e-3, 1e-3));
  }
  testing::run_ranks(2, [&](comm::Communicator& ranks) {
    const std::vector<at::Tensor> two = views(ranks, 2);
    // Standing statistics are sums in another order.
    for (size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(at::allclose(two[i], one[i], 1e-4, 1e-5));
  });
}

TEST_F(FeaturesOfImages, AreKeptForAnotherEvaluation) {
  comm::SelfCommunicator alone;
  const Json expected = measured(alone);
  EXPECT_TRUE(files().empty());
  config_.evaluate.keep_features = true;
  EXPECT_EQ(measured(alone), expected);
  // Both splits by the trained and by the untrained E: here they are the same network.
  EXPECT_EQ(files().size(), 2u);
  EXPECT_EQ(measured(alone), expected);
  EXPECT_EQ(files().size(), 2u);
  // Read they are: with the labels exchanged in the training images' file all answers are wrong.
  const Json other = [&] {
    for (const std::string& path : files()) {
      data::Hdf5File file(path, data::Hdf5File::Mode::kUpdate);
      const int64_t count = file.shape("labels")[0];
      if (count != 40) continue;
      std::vector<int64_t> labels(40);
      file.read_rows("labels", data::Hdf5File::Type::kInt64, 0, count, labels.data());
      for (int64_t i = 0; i < count; ++i) EXPECT_EQ(labels[static_cast<size_t>(i)], i % 2);
      for (int64_t& label : labels) label = 1 - label;
      file.write_rows("labels", data::Hdf5File::Type::kInt64, 0, count, labels.data());
    }
    return measured(alone);
  }();
  const double right = expected["linear_probe"]["trained"];
  EXPECT_NE(right, 0.5);
  EXPECT_DOUBLE_EQ(other["linear_probe"]["trained"], 1 - right);
  // Another network's are its own.
  measured(alone, 2);
  EXPECT_EQ(files().size(), 4u);
}

TEST_F(FeaturesOfImages, OfAMeasurementDuringTrainingAreNotKept) {
  config_.evaluate.keep_features = true;
  config_.evaluate.every = 1;
  comm::SelfCommunicator alone;
  with_subject(alone, 1, [&](const Context& context, const Subject& subject) {
    const core::Values values = Evaluation(context, train_, &test_).progress(subject, 1);
    EXPECT_GT(values.size(), 2u);
  });
  EXPECT_TRUE(files().empty());
}

TEST_F(FeaturesOfImages, ThatAreKeptServeAnyNumberOfRanks) {
  config_.evaluate.keep_features = true;
  config_.evaluate.linear_views = 2;
  comm::SelfCommunicator alone;
  const Json expected = measured(alone);
  EXPECT_EQ(files().size(), 4u);  // two views
  testing::run_ranks(3, [&](comm::Communicator& ranks) {
    const Json found = measured(ranks);
    EXPECT_EQ(found["linear_protocol"], expected["linear_protocol"]);
  });
  EXPECT_EQ(files().size(), 4u);
}

TEST_F(FeaturesOfImages, ThatCannotBeReadAreMadeAnew) {
  config_.evaluate.keep_features = true;
  comm::SelfCommunicator alone;
  const Json expected = measured(alone);
  for (const std::string& path : files()) fs::resize_file(path, fs::file_size(path) / 2);
  EXPECT_EQ(measured(alone), expected);
  EXPECT_EQ(measured(alone), expected);
}

TEST_F(FeaturesOfImages, ThatCannotBeWrittenAreTold) {
  config_.evaluate.keep_features = true;
  comm::SelfCommunicator alone;
  fs::create_directories(folder_ / "run");
  std::ofstream(folder_ / "run/features") << "no folder";
  std::string told;
  std::ostringstream out;
  EvaluationProgress progress(
      {}, EvaluationProgress::Voice{.target = {.out = out},
                                    .log = [&](const std::string& text) { told += text + "\n"; },
                                    .seconds = [] { return 0.; }});
  const at::NoGradGuard no_grad;
  ops::CpuOps cpu;
  const Context context{config_.measuring(), alone, cpu, at::TensorOptions(at::kFloat), progress};
  model::Nets nets = model::make_nets(config_.model, context.backend(), 1);
  const Images images(context, train_, &test_);
  Features features(context, images, subject_of(nets), Source::kUntrained, /*is_last=*/true);
  EXPECT_EQ(features.first(40, 18).train.features.size(0), 40);
  EXPECT_THAT(told, ::testing::HasSubstr("features are not kept"));
}

}  // namespace
}  // namespace bbg::measure
