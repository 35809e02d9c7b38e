// Bad input to bbg_dist: one line that says what and where, a hint, the promised exit code, and
// nothing lost. What data_prep refuses is in data_prep_test.cpp.

#include <hdf5.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "data/shard_format.h"
#include "data/shard_set.h"
#include "tests/system/run_fixture.h"

namespace bbg {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class BadInput : public test::BbgDist {
 protected:
  void expect_refused(const std::string& more, const std::string& text, int ranks = 1) {
    SCOPED_TRACE(more);
    test::expect_one_line(train(ranks, "run", more), 2, "error: ", text);
    EXPECT_FALSE(fs::exists(folder_ / "run/checkpoints"));
  }
  // The one shard of a data set.
  static std::string first_shard(const std::string& folder) {
    return data::ShardSet::open(folder).files().front();
  }
  // A data set that a test may damage.
  std::string copy_of_shards() {
    const std::string copy = folder_ / "copy";
    fs::copy(shards(), copy, fs::copy_options::recursive);
    return copy;
  }
  std::string state_file(int step) {
    char name[80];
    std::snprintf(name, sizeof name, "run/checkpoints/step-%08d/state.safetensors", step);
    return folder_ / name;
  }
};

TEST_F(BadInput, UnknownAndMisspeltKeysAreRefusedWithTheNearest) {
  expect_refused("--model.widht 3", "unknown key 'model.widht'; did you mean 'model.width'?");
  const std::string text = test::read_file(config_);
  test::write_file(config_, text + "[trian]\nlr-g = 1\n");
  const std::string line = std::to_string(std::count(text.begin(), text.end(), '\n') + 2);
  expect_refused("",
                 config_ + ":" + line + ": unknown key 'trian.lr-g'; did you mean 'train.lr-g'?");
}

TEST_F(BadInput, AllProblemsComeInOneMessage) {
  const test::Outcome outcome =
      train(2, "run", "--train.lr-g -1 --data.batch x --model.block round");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("train.lr-g = '-1' is out of bounds: above 0"));
  EXPECT_THAT(outcome.err, HasSubstr("data.batch = 'x' is not of type integer"));
  EXPECT_THAT(outcome.err, HasSubstr("model.block = 'round' is out of bounds: residual | strided"));
  // From rank 0 alone.
  EXPECT_EQ(outcome.err.find("train.lr-g"), outcome.err.rfind("train.lr-g")) << outcome.err;
}

TEST_F(BadInput, ValuesOutOfBoundsAreRefused) {
  expect_refused("--run.steps -1", "run.steps = '-1' is out of bounds: at least 0");
  expect_refused("--train.ema-decay 1.5", "train.ema-decay = '1.5' is out of bounds: 0 to 1");
}

TEST_F(BadInput, AnswersThatCannotBeWrittenAreAnError) {
  for (const std::string arguments :
       {"--help", "--version", "options --markdown", "plan --config CONFIG --json"}) {
    SCOPED_TRACE(arguments);
    std::string command = test::program("bbg_dist") + " " + arguments + " > /dev/full";
    if (const size_t at = command.find("CONFIG"); at != std::string::npos) {
      command.replace(at, 6, test::shell_word(config_));
    }
    test::expect_one_line(test::run_command(folder_, command), 1,
                          "error: ", "write failed for standard output: No space left on device");
  }
}

TEST_F(BadInput, MissingFilesAreNamed) {
  const std::string absent = folder_ / "absent";
  expect_refused("--config " + absent, "config file '" + absent + "' cannot be read");
  expect_refused("--data.shards " + absent, absent);
  expect_refused("--data.test-shards " + absent, absent, 2);
  fs::create_directories(absent);
  expect_refused("--data.shards " + absent, absent + " has no data set");
  test::expect_one_line(test::run_command(folder_, test::program("bbg_dist")), 2,
                        "error: ", "no --config given");
}

TEST_F(BadInput, RunFolderThatIsEmptyOrNamesWhatThereIsNotIsRefused) {
  expect_refused("--run.output ''", "run.output = '' must not be empty");
  expect_refused("--run.output=", "run.output = '' must not be empty", 2);
  EXPECT_FALSE(fs::exists("/checkpoints"));
  expect_refused("--run.output '$BBG_TEST_ABSENT/run'",
                 "needs the environment variable BBG_TEST_ABSENT, which is not set");
  expect_refused("--data.shards ''", "data.shards");
}

TEST_F(BadInput, ConfigThatIsNotTextInUtf8IsRefused) {
  std::string wide = "\xFF\xFE";
  for (const char c : test::read_file(config_)) wide += std::string{c, '\0'};
  test::write_file(config_, wide);
  expect_refused("", config_ + ":1: the file is UTF-16 (little-endian), not UTF-8");
  test::write_file(config_, wide.substr(2));
  expect_refused("", config_ + ":1: the file has a NUL byte");
}

// Two runs whose folders differ behind a # alone.
TEST_F(BadInput, NumberSignInTheNameOfARunFolderBelongsToIt) {
  for (const std::string number : {"1", "2"}) {
    const std::string folder = folder_ / ("exp#" + number);
    test::write_file(folder_ / (number + ".ini"),
                     "include = " + config_ + "\n[run]\noutput = " + folder + "\n");
    const test::Outcome outcome = test::run_command(
        folder_, test::program("bbg_dist") + " --config " +
                     test::shell_word(folder_ / (number + ".ini")) + " --run.steps " + number);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_TRUE(fs::exists(folder + "/checkpoints/step-0000000" + number)) << outcome.err;
  }
  EXPECT_FALSE(fs::exists(folder_ / "exp"));
  // The run's own configuration leads to the same folder.
  const test::Outcome again =
      test::run_command(folder_, test::program("bbg_dist") + " --config " +
                                     test::shell_word(folder_ / "exp#2/config.ini"));
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_THAT(again.err, HasSubstr("the run is complete at step 2"));
  ASSERT_EQ(train(1, "exp#3", "--run.steps 1").code, 0);
  EXPECT_TRUE(fs::exists(folder_ / "exp#3/checkpoints/step-00000001"));
}

TEST_F(BadInput, BatchThatTheRanksCannotShareIsRefused) {
  expect_refused("--data.batch 33", "data.batch = 33 is not divisible by 2 ranks", 2);
  expect_refused("--data.batch 64 --train.accumulate 5",
                 "leaves each of 2 rank(s) 32 samples, which train.accumulate = 5 does not divide",
                 2);
}

TEST_F(BadInput, ResolutionThatTheModelOrTheDataLackIsRefused) {
  expect_refused("--model.resolution 48", "model.resolution = 48 is not known");
  expect_refused("--model.block residual", "model.resolution = 16 is not known");
  expect_refused("--model.resolution 32", "are 16x16 with 1 channel(s), the model's 32x32");
  expect_refused("--model.channels 3", "with 1 channel(s), the model's 16x16 with 3");
  expect_refused("--model.block residual --model.resolution 32 --model.z-dim 9",
                 "model.z-dim = 9 does not split into 4 equal chunks");
}

TEST_F(BadInput, CropThatTheModelOrTheDataDoNotFitIsRefused) {
  expect_refused("--data.crop 12", "data.crop = 12 is not the size of the model's images, 16");
  // 32 of 16 pixels, on every rank alike.
  expect_refused("--data.crop 32 --model.resolution 32", "are 16x16 with 1 channel(s)", 2);
}

TEST_F(BadInput, NetworksOfBiganThatDoNotFitTogetherAreRefused) {
  const std::string blocks = "--model.block bigan --model.system bigan ";
  expect_refused("--model.block bigan", "model.block = bigan has one score");
  expect_refused(blocks + "--model.d-norm sn",
                 "model.d-norm = sn does not fit model.block = bigan");
  expect_refused(blocks + "--model.resolution 24", "model.resolution = 24 is not known");
  expect_refused(blocks + "--model.e-width 5", "model.e-width = 5 does not split");
  expect_refused("--model.e-resolution 8", "model.e-resolution = 8 is less than model.resolution");
}

TEST_F(BadInput, ChangesOfImagesThatThereAreNotAreRefused) {
  expect_refused("--train.augment 'colour flip'",
                 "train.augment = colour flip: there is no augmentation 'flip'", 2);
}

TEST_F(BadInput, OptionsThatTheSystemDoesNotHaveAreRefused) {
  expect_refused("--model.system autoencoder",
                 "model.system = autoencoder does not fit model.e-stochastic = true");
  expect_refused("--model.system latent-regressor --model.e-stochastic false --model.terms xz",
                 "model.terms = xz does not fit model.system = latent-regressor");
  expect_refused(
      "--model.system latent-regressor --model.e-stochastic false "
      "--model.e-resolution 32",
      "does not fit model.e-resolution = 32: E learns from images of G");
  expect_refused("--loss.latent-to-g 0.25",
                 "loss.latent-to-g does not fit model.system = bigbigan");
  expect_refused("--model.system autoencoder --model.e-stochastic false --eval.network d",
                 "eval.network = d does not fit model.system = autoencoder");
}

TEST_F(BadInput, DamagedShardsAreRefused) {
  const std::string copy = copy_of_shards(), shard = first_shard(copy);
  const std::string bytes = test::read_file(shard);
  test::write_file(shard, bytes.substr(0, bytes.size() - 100));
  expect_refused("--data.shards " + copy, shard + " is truncated", 2);
  test::write_file(shard, std::string(bytes.size(), 'x'));
  expect_refused("--data.shards " + copy, shard + " is damaged or not a shard", 2);
  fs::remove(shard);
  expect_refused("--data.shards " + copy, shard + " is missing", 2);
}

TEST_F(BadInput, FlippedByteInAShardStopsTheRunBeforeItIsUsed) {
  const std::string copy = copy_of_shards(), shard = first_shard(copy);
  std::string bytes = test::read_file(shard);
  bytes[data::kAlignment + 20'000] ^= 4;
  test::write_file(shard, bytes);
  for (const int ranks : {1, 2}) {
    const test::Outcome outcome =
        train(ranks, "run" + std::to_string(ranks), "--data.shards " + copy);
    EXPECT_EQ(outcome.code, 2) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(shard + " is damaged: the digest of sample "));
  }
}

TEST_F(BadInput, ShardsOfAnotherVersionAreRefused) {
  const std::string copy = copy_of_shards();
  const hid_t file = H5Fopen(first_shard(copy).c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  const hid_t attribute = H5Aopen(file, data::kVersionAttribute, H5P_DEFAULT);
  const int64_t version = 9;
  EXPECT_GE(H5Awrite(attribute, H5T_NATIVE_INT64, &version), 0);
  H5Aclose(attribute);
  H5Fclose(file);
  expect_refused("--data.shards " + copy,
                 "has shard format version 9, this program reads version 2");
}

TEST_F(BadInput, CheckpointOfAnotherRunIsRefusedAndKept) {
  ASSERT_EQ(train(1, "run", "--run.steps 5").code, 0);
  const std::string before = test::read_file(state_file(5));
  const std::string metrics = test::read_file(folder_ / "run/metrics.jsonl");
  const auto refuse = [&](const std::string& more, const std::string& text) {
    SCOPED_TRACE(more);
    test::expect_one_line(train(1, "run", more), 2, "error: ", text);
  };
  refuse("--model.width 6", "is of another model: model.width is 4 there, 6 here");
  refuse("--data.batch 32", "is of another run: data.batch is 64 there, 32 here");
  refuse("--run.resume never", "run.resume = never, but");
  test::write_file(folder_ / "images", test::idx_file({8, 16, 16}, std::string(2048, 'x')));
  test::write_file(folder_ / "labels", test::idx_file({8}, std::string(8, '\0')));
  const std::string others = folder_ / "others";
  ASSERT_EQ(test::run_command(folder_, test::program("data_prep") + " shard --size 16 --input " +
                                           (folder_ / "images") + " --labels " +
                                           (folder_ / "labels") + " --output " + others)
                .code,
            0);
  refuse("--data.shards " + others, "is of another data set: data.fingerprint");
  EXPECT_TRUE(before == test::read_file(state_file(5)));
  EXPECT_EQ(metrics, test::read_file(folder_ / "run/metrics.jsonl"));
}

TEST_F(BadInput, TruncatedCheckpointIsPassedOverAndIfItIsTheOnlyOneRefused) {
  ASSERT_EQ(train(1, "whole", "--run.steps 15").code, 0);
  ASSERT_EQ(train(1, "run", "--run.steps 10").code, 0);
  const auto cut = [&](int step) { fs::resize_file(state_file(step), 5000); };
  cut(10);
  const test::Outcome outcome = train(1, "run", "--run.steps 15");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("checkpoint skipped: "));
  EXPECT_THAT(outcome.err, HasSubstr("step-00000010: state.safetensors has 5000 bytes"));
  EXPECT_THAT(outcome.err, HasSubstr("resumed from "));
  expect_equal_bits("whole", "run", 15);

  cut(10);
  cut(15);
  const test::Outcome refused = train(1, "run", "--run.steps 20");
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("no checkpoint in "));
  EXPECT_THAT(refused.err, HasSubstr("is whole"));
}

TEST_F(BadInput, RunFolderThatCannotBeWrittenIsRefused) {
  // Root may write anywhere but where the kernel itself says no.
  std::string locked = "/proc/bbg_dist_run";
  if (geteuid() != 0) {
    locked = folder_ / "locked/run";
    fs::create_directory(folder_ / "locked");
    fs::permissions(folder_ / "locked", fs::perms::owner_read | fs::perms::owner_exec);
  }
  for (const int ranks : {1, 2}) {
    expect_refused("--run.output " + locked, "the run folder " + locked + " cannot be written",
                   ranks);
  }
  test::write_file(folder_ / "file", "");
  expect_refused("--run.output " + (folder_ / "file/run"), "cannot be written: Not a directory");
}

// A limit on file size stands for the full disk: the write of the state fails in the same place.
// It lies above what MPI itself writes.
TEST_F(BadInput, FullDiskEndsTheRunAndKeepsTheLastCheckpoint) {
  const std::string large = " --model.width 104 --run.steps ";
  ASSERT_EQ(train(1, "whole", large + "6 --checkpoint.every 3").code, 0);
  ASSERT_EQ(train(1, "run", large + "3").code, 0);
  ASSERT_GT(fs::file_size(state_file(3)), 8192u * 1024);
  const test::Outcome outcome = test::run_command(
      folder_, "trap '' XFSZ; ulimit -f 8192; " + train_command(1, "run", large + "6"));
  EXPECT_EQ(outcome.code, 1) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("state.safetensors: File too large"));
  const test::Outcome again = train(1, "run", large + "6");
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_THAT(again.err, HasSubstr("resumed from " + (folder_ / "run/checkpoints/step-00000003")));
  expect_equal_bits("whole", "run", 6);
}

}  // namespace
}  // namespace bbg
