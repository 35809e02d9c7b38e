// An evaluation with the real program: what it measures, on which data, and what it does not cost
// when it cannot.

#include <algorithm>
#include <filesystem>
#include <set>

#include "core/rng.h"
#include "tests/support/data_set_writer.h"
#include "tests/system/run_fixture.h"

namespace bbg {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class EvaluationOfARun : public test::BbgDist {
 protected:
  // Grey images, each of the kind that a letter of `kinds` names: a to d differ in brightness
  // so much that any classifier tells them apart. labels[i] of image i, -1: none.
  std::string make_shards(const std::string& name, const std::vector<std::string>& classes,
                          const std::string& kinds, const std::vector<int64_t>& labels) {
    const std::string folder = folder_ / name;
    test::DataSetWriter writer({.folder = folder,
                                .height = side_,
                                .width = side_,
                                .channels = 1,
                                .class_names = classes,
                                .source = "a test"});
    for (size_t i = 0; i < labels.size(); ++i) {
      core::RandomStream random(7, core::Purpose::kEvaluate, 0, i);
      std::vector<uint8_t> pixels(static_cast<size_t>(side_ * side_));
      for (uint8_t& pixel : pixels) {
        pixel = static_cast<uint8_t>(20 + 60 * (kinds[i] - 'a') + random.next_below(20));
      }
      writer.add(pixels, labels[i]);
    }
    writer.close();
    return folder;
  }

  // Images of the kinds that `classes` begin with, in turn; each labelled by its class.
  std::string make_shards(const std::string& name, const std::vector<std::string>& classes,
                          int64_t count) {
    std::string kinds;
    std::vector<int64_t> labels;
    for (int64_t i = 0; i < count; ++i) {
      labels.push_back(i % std::ssize(classes));
      kinds += classes[static_cast<size_t>(labels.back())][0];
    }
    return make_shards(name, classes, kinds, labels);
  }

  // Five steps on `shards`, measured on `test`.
  test::Outcome train_on(const std::string& output, const std::string& shards,
                         const std::string& test_shards, const std::string& more = "",
                         int ranks = 2) {
    return train(ranks, output,
                 "--data.shards " + test::shell_word(shards) + " --data.test-shards " +
                     test::shell_word(test_shards) + " --run.steps 5 " + more);
  }

  nlohmann::json evaluation(const std::string& output) {
    return nlohmann::json::parse(test::read_file(folder_ / (output + "/evaluation.json")), nullptr,
                                 false);
  }

  static int64_t count_of(const std::string& text, const std::string& word) {
    int64_t count = 0;
    for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
      ++count;
    }
    return count;
  }

  bool has_checkpoint(const std::string& output, const std::string& step) {
    return fs::exists(folder_ / (output + "/checkpoints/step-" + step + "/manifest.json"));
  }

  // A G that knows the class of what it rebuilds: residual blocks begin at 32 pixels.
  void use_conditional_model() {
    side_ = 32;
    conditional_ =
        "--model.system autoencoder --model.e-stochastic false --loss.reconstruction l1 "
        "--model.block residual --model.resolution 32 --model.g-condition class "
        "--model.num-classes 3 --data.batch 16 --eval.standing-passes 1 --eval.batch 32";
  }

  int64_t side_ = 16;  // the images'
  std::string conditional_;
  std::vector<std::string> class_names_ = {"ant", "bee", "cow"};
};

TEST_F(EvaluationOfARun, TestClassesThatAreFewerOrNumberedOtherwiseAreMatchedByName) {
  const std::string shards = make_shards("train", class_names_, 192);
  for (const auto& [name, classes] :
       {std::pair<std::string, std::vector<std::string>>{"fewer-classes", {"bee", "cow"}},
        {"otherwise", {"cow", "ant", "bee"}}}) {
    SCOPED_TRACE(name);
    const test::Outcome outcome = train_on("run-" + name, shards, make_shards(name, classes, 60),
                                           "--eval.probe-iterations 50");
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const auto found = evaluation("run-" + name);
    EXPECT_EQ(found["linear_probe"]["pixels"], 1);
    EXPECT_EQ(found["nearest_neighbour"]["pixels"], 1);
    EXPECT_EQ(count_of(outcome.err, "are matched by name"), 1) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("class 0 is '" + classes[0] + "' there, 'ant' in training"));
  }
}

// G knows the class of what it reconstructs: the test images' classes must be training's there too.
TEST_F(EvaluationOfARun, ReconstructionsOfAConditionalModelTakeTheMatchedClasses) {
  use_conditional_model();
  const std::string shards = make_shards("train", class_names_, 192);
  const auto measured = [&](const std::string& name, const std::vector<std::string>& classes,
                            const std::vector<int64_t>& labels) {
    std::string kinds;
    for (int64_t i = 0; i < 60; ++i) kinds += "bc"[i % 2];
    std::vector<int64_t> all;
    for (int64_t i = 0; i < 60; ++i) all.push_back(labels[static_cast<size_t>(i % 2)]);
    const test::Outcome outcome =
        train_on("run-" + name, shards, make_shards(name, classes, kinds, all), conditional_);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_TRUE(fs::exists(folder_ / ("run-" + name + "/report.html")));
    return std::pair(
        evaluation("run-" + name)["reconstruction"],
        test::read_file(folder_ / ("run-" + name + "/grids/reconstructions-00000005.png")));
  };
  EXPECT_TRUE(measured("same", class_names_, {1, 2}) ==
              measured("fewer-classes", {"bee", "cow"}, {0, 1}));
}

TEST_F(EvaluationOfARun, TestClassThatTrainingLacksIsRefusedByName) {
  const std::string shards = make_shards("train", class_names_, 192);
  const std::string other = make_shards("other", {"ant", "bee", "dog"}, 60);
  test::expect_one_line(train_on("run", shards, other), 2, "error: ", "has the class 'dog'");
  // Numbers are no names: only their count can be compared.
  const std::string four =
      make_shards("four", {"0", "1", "2", "3"}, std::string(60, 'a'), std::vector<int64_t>(60, 3));
  test::expect_one_line(train_on("run", shards, four), 2, "error: ", "4 classes without names");
  EXPECT_FALSE(fs::exists(folder_ / "run/checkpoints/step-00000005"));
}

TEST_F(EvaluationOfARun, WithoutLabelsWhatNeedsThemIsLeftOutAndTheRestIsMeasured) {
  const std::string labelled = make_shards("train", class_names_, 192);
  std::string kinds;
  for (int i = 0; i < 60; ++i) kinds += "abc"[i % 3];
  const std::string without = make_shards("without", {}, kinds, std::vector<int64_t>(60, -1));
  std::vector<int64_t> some(60, 1);
  some[17] = -1;
  const std::string partly = make_shards("partly", class_names_, kinds, some);
  for (const auto& [name, shards, test_shards, more] :
       {std::tuple<std::string, std::string, std::string, std::string>{"none", labelled, without,
                                                                       ""},
        {"some", labelled, partly, "--eval.every 2"},
        {"training", partly, labelled, ""}}) {
    SCOPED_TRACE(name);
    const test::Outcome outcome = train_on(name, shards, test_shards, more + " --data.batch 32");
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(count_of(outcome.err, "linear probe and nearest neighbour are left out"), 1)
        << outcome.err;
    EXPECT_LT(outcome.err.find("are left out"), outcome.err.find("step 1/5")) << outcome.err;
    const auto found = evaluation(name);
    EXPECT_TRUE(found.contains("reconstruction") && found.contains("frechet_pixels")) << found;
    EXPECT_FALSE(found.contains("linear_probe") || found.contains("nearest_neighbour")) << found;
    EXPECT_TRUE(fs::exists(folder_ / (name + "/report.html")));
  }
  EXPECT_THAT(metrics("some"), HasSubstr("eval.reconstruction_ratio"));
  EXPECT_THAT(metrics("some"), Not(HasSubstr("eval.linear_probe")));
}

TEST_F(EvaluationOfARun,
       ConditionalModelNeedsLabelsInTrainingAndDoesWithoutReconstructionsInTheTest) {
  use_conditional_model();
  const std::string labelled = make_shards("train", class_names_, 96);
  std::vector<int64_t> some(60, 1);
  some[17] = -1;
  const std::string partly = make_shards("partly", class_names_, std::string(60, 'b'), some);
  test::expect_one_line(train_on("run", partly, labelled, conditional_), 2,
                        "error: ", "sample 17 of " + partly + " has no label");
  const test::Outcome outcome = train_on("run", labelled, partly, conditional_);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(count_of(outcome.err, "and reconstructions are left out"), 1) << outcome.err;
  EXPECT_FALSE(evaluation("run").contains("reconstruction"));
  EXPECT_TRUE(evaluation("run").contains("frechet_pixels"));
}

TEST_F(EvaluationOfARun, BaselinesAreMeasuredAsAskedFor) {
  const std::string shards = make_shards("train", class_names_, 192),
                    test = make_shards("test", class_names_, 60);
  for (const auto& [baselines, untrained, pixels] :
       {std::tuple<std::string, bool, bool>{"both", true, true},
        {"untrained", true, false},
        {"pixels", false, true},
        {"none", false, false}}) {
    SCOPED_TRACE(baselines);
    const test::Outcome outcome = train_on("run", shards, test, "--eval.baselines " + baselines);
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    for (const std::string group : {"linear_probe", "nearest_neighbour"}) {
      const auto found = evaluation("run")[group];
      EXPECT_TRUE(found.contains("trained"));
      EXPECT_EQ(found.contains("untrained"), untrained) << found;
      EXPECT_EQ(found.contains("pixels"), pixels) << found;
    }
    const std::string page = test::read_file(folder_ / "run/report.html");
    EXPECT_EQ(page.find("on those of the untrained network") != std::string::npos, untrained);
    EXPECT_EQ(page.find("on raw pixels") != std::string::npos, pixels);
  }
}

// Larger than 32 pixels: the pixels' baseline is that of the images averaged to 32.
TEST_F(EvaluationOfARun, PixelsOfLargeImagesAreAveraged) {
  const auto pixels = [&](int64_t side) {
    side_ = side;
    const std::string name = std::to_string(side);
    const test::Outcome outcome = train_on(
        "run" + name, make_shards("train" + name, class_names_, 192),
        make_shards("test" + name, class_names_, 60),
        "--model.system gan --eval.network d --data.batch 16 --eval.samples 0 --model.resolution " +
            name,
        1);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return evaluation("run" + name);
  };
  const auto large = pixels(64), small = pixels(32);
  EXPECT_EQ(large["protocol"]["pixels"], "averaged to 32x32");
  EXPECT_FALSE(small["protocol"].contains("pixels"));
  EXPECT_EQ(large["linear_probe"]["pixels"], 1);
  const test::Outcome plan = test::run_command(
      folder_, test::program("bbg_dist") + " plan --json --config " + test::shell_word(config_) +
                   " --model.resolution 64 --eval.network d --model.width 4");
  ASSERT_EQ(plan.code, 0) << plan.err;
  EXPECT_EQ(nlohmann::json::parse(plan.out)["probe"]["features"], 32 * 32);
}

// All of steps 2 to 10 but the newest two go, and the best by the curve stays.
TEST_F(EvaluationOfARun, BestCheckpointIsKept) {
  const std::string shards = make_shards("train", class_names_, 192),
                    test = make_shards("test", class_names_, 60);
  const auto run = [&](const std::string& output, int steps) {
    return train_on(output, shards, test,
                    "--checkpoint.keep-best eval.reconstruction_error --checkpoint.keep 2 "
                    "--checkpoint.every 1000 --eval.every 2 --run.steps " +
                        std::to_string(steps));
  };
  ASSERT_EQ(run("whole", 10).code, 0);
  // Stopped after the evaluation of step 4, the run comes to the same end.
  ASSERT_EQ(run("parts", 4).code, 0);
  ASSERT_EQ(run("parts", 10).code, 0);
  expect_equal_bits("whole", "parts", 10);
  for (const std::string output : {"whole", "parts"}) {
    SCOPED_TRACE(output);
    std::istringstream lines(metrics(output));
    int64_t best_step = 0;
    double best_value = INFINITY;
    for (std::string line; std::getline(lines, line);) {
      const auto fields = nlohmann::json::parse(line);
      if (!fields.contains("eval.reconstruction_error")) continue;
      const double value = fields["eval.reconstruction_error"];
      if (value < best_value) best_step = fields["step"], best_value = value;
    }
    const auto best =
        nlohmann::json::parse(test::read_file(folder_ / (output + "/checkpoints/best.json")));
    EXPECT_EQ(best["step"], best_step);
    EXPECT_EQ(best["value"], best_value);
    EXPECT_EQ(best["measure"], "eval.reconstruction_error");
    std::set<std::string> expected = {"best.json", "step-00000008", "step-00000010"}, found;
    char name[32];
    std::snprintf(name, sizeof name, "step-%08d", static_cast<int>(best_step));
    expected.insert(name);
    for (const auto& entry : fs::directory_iterator(folder_ / (output + "/checkpoints"))) {
      found.insert(entry.path().filename());
    }
    EXPECT_EQ(found, expected);
  }
  const test::Outcome sample = test::run_command(
      folder_, test::program("bbg_dist") + " sample --config " +
                   test::shell_word(folder_ / "whole/config.ini") + " --checkpoint best --output " +
                   test::shell_word(folder_ / "grid.png"));
  EXPECT_EQ(sample.code, 0) << sample.err;
  EXPECT_THAT(sample.out, HasSubstr("whole/checkpoints/step-"));
}

// The probe tells these classes apart from the first evaluation on, at step 2, and cannot get
// better.
TEST_F(EvaluationOfARun, TrainingEndsWhereTheBestIsOld) {
  const std::string shards = make_shards("train", class_names_, 192),
                    test = make_shards("test", class_names_, 60);
  const auto run = [&](const std::string& output, int steps) {
    return train_on(output, shards, test,
                    "--checkpoint.keep-best eval.linear_probe --eval.patience 4 "
                    "--checkpoint.every 1000 --eval.every 2 --run.steps " +
                        std::to_string(steps));
  };
  const test::Outcome whole = run("whole", 100);
  ASSERT_EQ(whole.code, 0) << whole.err;
  EXPECT_THAT(whole.err, HasSubstr("eval.linear_probe was last better at step 2"));
  EXPECT_TRUE(fs::exists(folder_ / "whole/checkpoints/step-00000006"));
  EXPECT_FALSE(fs::exists(folder_ / "whole/checkpoints/step-00000008"));
  EXPECT_EQ(evaluation("whole")["linear_probe"]["trained"], 1);
  const std::string lines = metrics("whole");
  // A run that was stopped before comes to the same end, and one that has ended trains no more.
  ASSERT_EQ(run("parts", 4).code, 0);
  ASSERT_EQ(run("parts", 100).code, 0);
  expect_equal_bits("whole", "parts", 6);
  ASSERT_EQ(run("whole", 100).code, 0);
  EXPECT_EQ(metrics("whole"), lines);
  test::expect_one_line(train_on("none", shards, test, "--eval.patience 4"), 2,
                        "error: ", "needs a measure that becomes better or does not");
}

TEST_F(EvaluationOfARun, BestCheckpointByWhatIsNotMeasuredIsRefused) {
  const std::string shards = make_shards("train", class_names_, 192),
                    test = make_shards("test", class_names_, 60);
  test::expect_one_line(train_on("run", shards, test, "--checkpoint.keep-best eval.linear_probe"),
                        2, "error: ", "needs evaluations to choose by");
  const test::Outcome outcome =
      train_on("run", shards, test,
               "--checkpoint.keep-best eval.linear_probe --eval.every 2 --model.system gan");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("eval.linear_probe is not measured in this run"));
  EXPECT_THAT(outcome.err, HasSubstr("choose one of eval.frechet_pixels"));
  const test::Outcome never = train_on("run", shards, test,
                                       "--checkpoint.keep-best eval.linear_probe --eval.every 2 "
                                       "--eval.schedule linear_probe:0");
  EXPECT_EQ(never.code, 2);
  EXPECT_THAT(never.err, HasSubstr("eval.linear_probe is not measured in this run"));
  test::expect_one_line(train_on("run", shards, test, "--eval.schedule knn:5"), 2,
                        "error: ", "eval.schedule names knn, which is no measure with a curve");
}

// A test image that cannot be read: only the evaluation needs it.
class FailingEvaluation : public EvaluationOfARun {
 protected:
  void SetUp() override {
    EvaluationOfARun::SetUp();
    shards_ = make_shards("train", class_names_, 192);
    test_shards_ = make_shards("test", class_names_, 60);
    // The last pixels, which are those of the last rank.
    for (const auto& entry : fs::directory_iterator(test_shards_)) {
      if (entry.path().extension() != ".h5") continue;
      std::string bytes = test::read_file(entry.path());
      const size_t images = 4096;  // where pixels begin in a shard
      for (size_t i = 0; i < 100; ++i) bytes[images + 60 * 256 - 1 - i] ^= 1;
      test::write_file(entry.path(), bytes);
    }
  }
  std::string shards_, test_shards_;
};

TEST_F(FailingEvaluation, CostsNoCheckpoint) {
  for (const int ranks : {1, 2}) {
    SCOPED_TRACE(ranks);
    const std::string output = "run" + std::to_string(ranks);
    const test::Outcome outcome =
        train_on(output, shards_, test_shards_,
                 "--eval.every 2 --checkpoint.every 2 --report.every 2", ranks);
    EXPECT_EQ(outcome.code, 2) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("is damaged"));
    EXPECT_TRUE(has_checkpoint(output, "00000002"));
    EXPECT_FALSE(has_checkpoint(output, "00000004"));
    EXPECT_THAT(metrics(output), HasSubstr("loss_d"));
  }
}

TEST_F(FailingEvaluation, AtTheEndCostsNoReport) {
  for (const int ranks : {1, 2}) {
    SCOPED_TRACE(ranks);
    const std::string output = "run" + std::to_string(ranks);
    const test::Outcome outcome =
        train_on(output, shards_, test_shards_, "--eval.samples 0", ranks);
    EXPECT_EQ(outcome.code, 2) << outcome.err;
    EXPECT_TRUE(has_checkpoint(output, "00000005"));
    EXPECT_TRUE(fs::exists(folder_ / (output + "/report.html")));
  }
  // Alone, rank 0 can tell what went wrong.
  EXPECT_THAT(evaluation("run1")["error"].dump(), HasSubstr("is damaged"));
  EXPECT_THAT(test::read_file(folder_ / "run1/report.html"), HasSubstr("The evaluation failed"));
  // With whole data the same command measures the run.
  const std::string whole = make_shards("whole", class_names_, 60);
  ASSERT_EQ(train_on("run1", shards_, whole).code, 0);
  EXPECT_TRUE(evaluation("run1").contains("linear_probe"));
  EXPECT_FALSE(evaluation("run1").contains("error"));
}

// An evaluation that a kill or a stop kept from its end is made where the run goes on, so that the
// curve has no gap.
TEST_F(FailingEvaluation, IsMadeUpForWhereTheRunGoesOn) {
  const std::string whole = make_shards("whole", class_names_, 60);
  const std::string often = "--eval.every 2 --checkpoint.every 2 --report.every 1";
  ASSERT_EQ(train_on("never", shards_, whole, often).code, 0);
  EXPECT_EQ(train_on("failed", shards_, test_shards_, often).code, 2);
  EXPECT_THAT(metrics("failed"), Not(HasSubstr("eval.")));
  const test::Outcome resumed = train_on("failed", shards_, whole, often);
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  expect_equal_bits("never", "failed", 5);
  EXPECT_EQ(count_of(metrics("failed"), "eval.linear_probe"), 2);
}

}  // namespace
}  // namespace bbg
