// bbg_dist export: what the file holds, that PyTorch makes the same of it as the program does
// (tests/golden/load_export.py), and what is refused.

#include <ATen/ATen.h>

#include <filesystem>

#include "checkpoint/store.h"
#include "tests/system/run_fixture.h"

namespace bbg {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Export : public test::BbgDist {
 protected:
  std::string command(const std::string& more) {
    // On the CPU: a GPU may round float32 products to TF32, and the examples with them.
    return test::program("bbg_dist") + " export --config " + test::shell_word(config_) +
           " --run.output " + test::shell_word(folder_ / "run") +
           " --compute.device cpu --output " + test::shell_word(file_) + " " + more;
  }
  test::Outcome run_export(const std::string& more = "") {
    return test::run_command(folder_, command(more));
  }
  core::StateDict exported() { return checkpoint::read_safetensors(*files_, file_); }
  std::map<std::string, at::Tensor> exported_tensors() {
    const core::StateDict state = exported();
    return {state.tensors.begin(), state.tensors.end()};
  }

  // The residual family at 32 px, tiny, on 12 images of noise in 4 classes.
  void write_residual_config() {
    std::string pixels, labels;
    for (int i = 0; i < 12; ++i) {
      for (int p = 0; p < 1024; ++p) pixels += static_cast<char>((p * p + 31 * p * i + 7) >> 3);
      labels += static_cast<char>(i % 4);
    }
    test::write_file(folder_ / "images", test::idx_file({12, 32, 32}, pixels));
    test::write_file(folder_ / "labels", test::idx_file({12}, labels));
    const std::string shards = folder_ / "shards";
    const test::Outcome outcome =
        test::run_command(folder_, test::program("data_prep") + " shard --size 32 --input " +
                                       test::shell_word(folder_ / "images") + " --labels " +
                                       test::shell_word(folder_ / "labels") + " --output " +
                                       test::shell_word(shards));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    // Large steps, so that what starts at zero, as gamma of the attention, counts after two.
    test::write_file(config_,
                     "[run]\nsteps = 2\n[data]\nshards = " + shards +
                         "\nbatch = 4\n[model]\nchannels = 1\nz-dim = 8\nlayout = sg\n"
                         "width = 2\ne-width = 2\nh-width = 8\nh-depth = 1\nj-width = 8\n"
                         "j-depth = 1\ne-head-width = 8\n[train]\nlr-g = 0.02\n"
                         "lr-d = 0.02\nlr-e = 0.02\nema-start = 5\n[eval]\n"
                         "standing-passes = 2\nbatch = 4\nsamples = 4\nprobe-iterations = 2\n"
                         "[compute]\nthreads = 1\n");
  }

  // Empty: PyTorch can be imported.
  static std::string why_no_torch(const test::TemporaryFolder& folder) {
    const char* python = std::getenv("BBG_PYTHON");
    if (python == nullptr || *python == '\0') {
      return "BBG_PYTHON names no Python (launch/setup --with-tests installs one)";
    }
    const test::Outcome outcome =
        test::run_command(folder, test::shell_word(python) + " -B -c 'import torch, safetensors'");
    // The wheels of the CPU-only set-up are libtorch's; torch's Python part needs more libraries.
    return outcome.code == 0 ? "" : "torch or safetensors cannot be imported: " + outcome.err;
  }
  void expect_equal_in_python(const std::vector<std::string>& names) {
    const test::Outcome outcome = test::run_command(
        folder_,
        test::shell_word(std::getenv("BBG_PYTHON")) + " -B " +
            test::shell_word(std::string(BBG_SOURCE_DIR) + "/tests/golden/load_export.py") + " " +
            test::shell_word(file_));
    EXPECT_EQ(outcome.code, 0) << outcome.out << outcome.err;
    for (const std::string& name : names) EXPECT_THAT(outcome.out, HasSubstr(name + ": differs"));
  }

  std::string file_ = folder_ / "mine.safetensors";
  std::unique_ptr<core::FileSystem> files_ = core::make_posix_file_system();
};

// W / sigma by one power iteration (docs/choices.md 37), in float64.
at::Tensor effective(const at::Tensor& weight, const at::Tensor& u) {
  const at::Tensor matrix = weight.to(at::kDouble).reshape({weight.size(0), -1});
  const auto unit = [](const at::Tensor& x) { return x / x.norm(); };
  const at::Tensor v = unit(matrix.t().mv(u.to(at::kDouble)));
  const at::Tensor product = matrix.mv(v);
  return weight.to(at::kDouble) / unit(product).dot(product);
}

TEST_F(Export, StridedNetworksComputeTheSameInPyTorch) {
  const std::string reason = why_no_torch(folder_);
  if (!reason.empty()) GTEST_SKIP() << reason;
  ASSERT_EQ(train(1, "run", "--run.steps 2").code, 0);
  const test::Outcome outcome = run_export("--with-example true");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  expect_equal_in_python({"G", "E", "E_sigma", "E_feature"});
  // Without the data: noise for images, running statistics.
  ASSERT_EQ(run_export("--with-example true --averaged false --data.shards=").code, 0);
  expect_equal_in_python({"G", "E", "E_sigma", "E_feature"});
}

TEST_F(Export, ResidualNetworksComputeTheSameInPyTorch) {
  const std::string reason = why_no_torch(folder_);
  if (!reason.empty()) GTEST_SKIP() << reason;
  write_residual_config();
  const std::string classes = "--model.g-condition class --model.num-classes 4 ";
  for (const std::string& more :
       {classes, classes + "--model.g-split-z false --model.g-embedding 0 --model.g-attention none",
        std::string("--model.g-condition none --model.g-split-z false --model.layout cg "
                    "--model.e-stochastic false"),
        std::string("--model.layout bgp --model.e-head-depth 0 --model.e-last-relu true")}) {
    SCOPED_TRACE(more);
    fs::remove_all(folder_ / "run");
    const test::Outcome trained = train(1, "run", more);
    ASSERT_EQ(trained.code, 0) << trained.err;
    const test::Outcome outcome = run_export("--with-example true " + more);
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    expect_equal_in_python({"G", "E", "E_feature"});
    EXPECT_EQ(exported_tensors().count("example.labels"), more.rfind(classes, 0) == 0 ? 1u : 0u);
  }
}

// In float64: two steps on twelve images leave channels of tiny variance, over which fifty layers
// enlarge float32's rounding to 1e-4.
TEST_F(Export, LargeEncodersComputeTheSameInPyTorch) {
  const std::string reason = why_no_torch(folder_);
  if (!reason.empty()) GTEST_SKIP() << reason;
  write_residual_config();
  for (const std::string encoder : {"resnet50", "resnet101 --model.e-last-relu true", "revnet50"}) {
    const std::string more = "--compute.dtype float64 --model.encoder " + encoder;
    SCOPED_TRACE(more);
    fs::remove_all(folder_ / "run");
    const test::Outcome trained = train(1, "run", more);
    ASSERT_EQ(trained.code, 0) << trained.err;
    const test::Outcome outcome = run_export("--with-example true --networks E " + more);
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(exported_tensors().at("example.E").scalar_type(), at::kDouble);
    expect_equal_in_python({"E", "E_sigma", "E_feature"});
  }
}

TEST_F(Export, BiganNetworksComputeTheSameInPyTorch) {
  const std::string reason = why_no_torch(folder_);
  if (!reason.empty()) GTEST_SKIP() << reason;
  const std::string mlp = "--model.system bigan --model.block mlp --model.e-head-depth 0 ";
  for (const std::string& more :
       {mlp, mlp + "--model.prior uniform --model.e-stochastic false --model.bn-eps 1e-8",
        std::string("--model.system bigan --model.block bigan --model.encoder alexnet "
                    "--model.e-head-depth 0 ")}) {
    SCOPED_TRACE(more);
    fs::remove_all(folder_ / "run");
    const test::Outcome trained = train(1, "run", "--run.steps 2 " + more);
    ASSERT_EQ(trained.code, 0) << trained.err;
    const test::Outcome outcome = run_export("--with-example true " + more);
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    expect_equal_in_python({"G", "E", "E_feature"});
  }
}

TEST_F(Export, WeightsHaveTheirSpectralNormDividedOut) {
  write_config("hinge", "sn");
  ASSERT_EQ(train(1, "run", "--run.steps 10").code, 0);
  const test::Outcome outcome = run_export("--networks 'D G E' --json");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto found = exported_tensors();
  const auto state = this->state("run", 10);
  size_t expected = 0, normalised = 0;
  for (const auto& [name, tensor] : state) {
    const bool averaged = name.rfind("G_average.", 0) == 0 || name.rfind("E_average.", 0) == 0;
    if ((!averaged && name.rfind("D.", 0) != 0) || name.ends_with(".u")) continue;
    ++expected;
    const std::string here = averaged ? name.substr(0, 1) + name.substr(name.find('.')) : name;
    ASSERT_TRUE(found.count(here)) << here;
    const std::string u = name.substr(0, name.rfind('.')) + ".u";
    if (name.ends_with(".weight") && state.count(u)) {
      ++normalised;
      // float32 against float64: a few roundings.
      EXPECT_TRUE(
          at::allclose(found.at(here).to(at::kDouble), effective(tensor, state.at(u)), 1e-5, 1e-7))
          << name;
    } else if (name.find("running") == std::string::npos) {
      EXPECT_TRUE(at::equal(found.at(here), tensor)) << name;
    }
  }
  EXPECT_EQ(found.size(), expected);
  EXPECT_GT(normalised, 5u);

  const auto facts = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(facts["step"], 10);
  EXPECT_EQ(facts["bytes"], fs::file_size(file_));
  EXPECT_TRUE(facts["networks"].contains("D"));
}

TEST_F(Export, FileSaysWhatItHolds) {
  ASSERT_EQ(train(1, "run", "--run.steps 10").code, 0);
  test::write_file(file_, "old");
  const test::Outcome outcome = run_export();
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr(file_ + ": step 10 of "));
  EXPECT_FALSE(fs::exists(file_ + ".partial"));
  const auto text = exported().text;
  EXPECT_EQ(text.at("format"), "bbg_dist export");
  EXPECT_EQ(text.at("format_version"), "1");
  EXPECT_FALSE(text.at("version").empty());
  EXPECT_EQ(text.at("step"), "10");
  EXPECT_EQ(text.at("networks"), "G E");
  EXPECT_EQ(text.at("config"), test::read_file(folder_ / "run/config.ini"));
  EXPECT_THAT(text.at("weights"), HasSubstr("averaged"));
  EXPECT_THAT(text.at("statistics"), HasSubstr("standing, over 2 batches"));
  EXPECT_EQ(exported_tensors().count("example.z"), 0u);
  const std::string first = test::read_file(file_);
  ASSERT_EQ(run_export().code, 0);
  EXPECT_TRUE(first == test::read_file(file_));
}

TEST_F(Export, OneCheckpointOfSeveralAndTheTrainedWeightsCanBeChosen) {
  ASSERT_EQ(train(1, "run", "--run.steps 10").code, 0);
  const test::Outcome outcome =
      run_export("--averaged=false --networks G --data.shards absent --checkpoint " +
                 test::shell_word(folder_ / "run/checkpoints/step-00000005/"));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("keeps the running statistics of training: "));
  const core::StateDict found = exported();
  EXPECT_EQ(found.text.at("step"), "5");
  EXPECT_THAT(found.text.at("statistics"), HasSubstr("running, those of training: "));
  const auto trained = state("run", 5);
  for (const auto& [name, tensor] : found.tensors) {
    EXPECT_TRUE(at::equal(tensor, trained.at(name))) << name;  // the strided G has no spectral norm
  }
  // Standing statistics are others.
  ASSERT_EQ(run_export().code, 0);
  EXPECT_FALSE(at::equal(exported_tensors().at("G.norms.0.running_var"),
                         state("run", 10).at("G_average.norms.0.running_var")));
}

TEST_F(Export, WhatCannotBeExportedIsRefusedInOneLine) {
  const auto refuse = [&](const std::string& more, const std::string& text) {
    SCOPED_TRACE(more);
    test::expect_one_line(run_export(more), 2, "error: ", text);
    EXPECT_FALSE(fs::exists(file_));
  };
  refuse("", "there is no checkpoint in " + (folder_ / "run/checkpoints"));
  refuse("--output=", "no --output given");
  refuse("--output " + (folder_ / "absent/file"), "the folder of --output");
  refuse("--output " + folder_.path(), "is a folder");
  refuse("--networks 'G X'", "there is no network 'X'");
  refuse("--networks E --model.system gan", "model.system = gan has no encoder");
  refuse("--networks 'G D' --model.system autoencoder --model.e-stochastic false",
         "model.system = autoencoder has no discriminator");
  refuse("--averaged maybe", "averaged = 'maybe' is not of type true | false");
  refuse("--ouput x", "unknown option --ouput; did you mean --output?");
  refuse("--checkpoint " + folder_.path(), "is not a checkpoint's folder");
  test::expect_one_line(
      test::run_command(folder_, test::shell_word(std::string(BBG_SOURCE_DIR) + "/launch/run") +
                                     " --restarts 0 --ranks 2 --program " + command("")),
      2, "error: ", "works alone, not on 2 ranks");

  ASSERT_EQ(train(1, "run", "--run.steps 5").code, 0);
  refuse("--model.width 6", "is of another model: model.width is 4 there, 6 here");
  const std::string checkpoints = folder_ / "run/checkpoints/";
  refuse("--checkpoint " + checkpoints + "step-00000009", "does not exist");
  core::StateDict state =
      checkpoint::read_safetensors(*files_, checkpoints + "step-00000005/state.safetensors");
  std::erase_if(state.tensors,
                [](const auto& entry) { return entry.first == "G_average.linear.weight"; });
  checkpoint::Store(*files_, checkpoints, 9).save(state, 6);
  refuse("", "is of another model: 'G_average.linear.weight' is missing");
  fs::resize_file(checkpoints + "step-00000005/state.safetensors", 5000);
  refuse("--checkpoint " + checkpoints + "step-00000005", "state.safetensors has 5000 bytes");
}

}  // namespace
}  // namespace bbg
