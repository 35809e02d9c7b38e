// run.start-from: what a new run takes from another one, what it says of it, and what it refuses.

#include <ATen/ATen.h>

#include <filesystem>

#include "tests/system/run_fixture.h"

namespace bbg {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class StartFrom : public test::BbgDist {
 protected:
  // One step that is too small for float32, so that parameters are what the run began with.
  test::Outcome start(int ranks, const std::string& output, const std::string& from,
                      const std::string& more = "") {
    return train(ranks, output,
                 "--run.steps 1 --train.lr-g 1e-30 --train.lr-d 1e-30 --train.lr-e 1e-30 "
                 "--train.ema-start 0 --train.ema-decay 1 --run.start-from " +
                     test::shell_word(from) + " " + more);
  }
  std::string checkpoint() { return folder_ / "first/checkpoints/step-00000010"; }
};

bool is_parameter(const std::string& name) {
  return name.find("running") == std::string::npos && !name.ends_with(".u") &&
         name.find("_adam") == std::string::npos;
}

TEST_F(StartFrom, ANewRunBeginsWithTheNetworksOfAnother) {
  write_config("hinge", "sn");
  ASSERT_EQ(train(1, "first", "--run.steps 10").code, 0);
  const auto expected = state("first", 10);
  for (const int ranks : {1, 2}) {
    const std::string output = "second" + std::to_string(ranks);
    const test::Outcome outcome = start(ranks, output, checkpoint());
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(" tensors of the networks taken"));
    EXPECT_THAT(outcome.err, HasSubstr("0 have another shape there"));
    EXPECT_THAT(outcome.err, HasSubstr("0 are missing there"));
    const auto found = state(output, 1);
    for (const auto& [name, tensor] : found) {
      if (!is_parameter(name)) continue;
      EXPECT_TRUE(at::equal(tensor, expected.at(name))) << name;
    }
    EXPECT_EQ(found.at("D_adam.steps").item<double>(), 2);  // anew: one step of two updates
  }
  // The averages differ from the networks, so that the above tells them apart.
  EXPECT_FALSE(at::equal(expected.at("G.linear.weight"), expected.at("G_average.linear.weight")));

  const test::Outcome again = train(1, "second1", "--run.steps 2 --run.start-from absent");
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_THAT(again.err, HasSubstr("resumed from "));
  EXPECT_THAT(again.err, Not(HasSubstr("tensors of the networks taken")));
}

TEST_F(StartFrom, WhatHasAnotherShapeIsNamedAndLeft) {
  ASSERT_EQ(train(1, "first", "--run.steps 10").code, 0);
  const test::Outcome outcome = start(1, "second", checkpoint(), "--model.z-dim 6");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  // D reads the code by H's first layer, linear1 and skip.
  EXPECT_THAT(outcome.err,
              HasSubstr("5 have another shape there and keep their own start: G.linear.weight, "
                        "E.output.weight, E.output.bias, D.H.blocks.0.linear1.weight, "
                        "D.H.blocks.0.skip.weight"));
  const auto expected = state("first", 10), found = state("second", 1);
  EXPECT_EQ(found.at("G.linear.weight").size(1), 6);
  EXPECT_TRUE(at::equal(found.at("G.deconvs.0.weight"), expected.at("G.deconvs.0.weight")));
  EXPECT_TRUE(at::equal(found.at("E.convs.1.weight"), expected.at("E.convs.1.weight")));
}

TEST_F(StartFrom, AnExportedFileServesToo) {
  write_config("hinge", "sn");
  ASSERT_EQ(train(1, "first", "--run.steps 10").code, 0);
  const std::string file = folder_ / "first.safetensors";
  ASSERT_EQ(test::run_command(folder_, test::program("bbg_dist") + " export --config " +
                                           test::shell_word(folder_ / "first/config.ini") +
                                           " --networks 'G D' --output " + test::shell_word(file))
                .code,
            0);
  const test::Outcome outcome = start(1, "second", file);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("E.output.weight"));
  const auto expected = state("first", 10), found = state("second", 1);
  EXPECT_TRUE(at::equal(found.at("G.linear.weight"), expected.at("G_average.linear.weight")));
  EXPECT_TRUE(
      at::equal(found.at("G_average.linear.weight"), expected.at("G_average.linear.weight")));
  // The exported weights of D have sigma 1 up to how far the first run's u lagged behind, and the
  // vectors made anew find that: the largest singular value.
  const at::Tensor weight = found.at("D.H.blocks.0.linear1.weight");
  const at::Tensor u = found.at("D.H.blocks.0.linear1.u");
  EXPECT_NEAR((weight.t().mv(u / u.norm())).norm().item<double>(),
              at::linalg_matrix_norm(weight, 2).item<double>(), 1e-2);
}

TEST_F(StartFrom, WhatCannotServeIsRefused) {
  const auto refuse = [&](const std::string& from, const std::string& text) {
    SCOPED_TRACE(from);
    for (const int ranks : {1, 2}) {
      test::expect_one_line(start(ranks, "second", from), 2, "error: ", text);
    }
    EXPECT_TRUE(!fs::exists(folder_ / "second/checkpoints"));
  };
  refuse(folder_ / "absent", "there is no file");
  refuse(folder_.path(), "is not a checkpoint's folder");
  test::write_file(folder_ / "text", "no tensors");
  refuse(folder_ / "text", "is not a good safetensors file");
  core::StateDict others;
  others.tensors.emplace_back("weight", at::zeros({2}));
  const auto files = core::make_posix_file_system();
  checkpoint::write_safetensors(*files, folder_ / "others", others);
  refuse(folder_ / "others", "no tensor there fits this model");
}

}  // namespace
}  // namespace bbg
