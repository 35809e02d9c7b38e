// Drives the built data_prep from outside: what it says and what it exits with.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "core/error.h"
#include "core/folder_lock.h"
#include "data/shard_set.h"
#include "tests/support/data_set_writer.h"
#include "tests/support/encode_image.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"

namespace bbg {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

class DataPrep : public testing::Test {
 protected:
  // `before` is shell text in front of the program, as limits.
  test::Outcome run(const std::string& arguments, const std::string& before = "") {
    return test::run_command(folder_, before + " " + test::program("data_prep") + " " + arguments);
  }

  // A PNG of one colour.
  static std::string png(uint8_t value, int side = 40) {
    const std::vector<uint8_t> pixels(static_cast<size_t>(side * side * 3), value);
    return test::encode_png(side, side, PNG_COLOR_TYPE_RGB, 8, pixels);
  }

  // photos/{ant,bee}/{0,1,2}.*, of one colour each; bee's are JPEG.
  void make_photos() {
    for (uint8_t i = 0; i < 3; ++i) {
      const auto value = static_cast<uint8_t>(40 * i);
      const std::vector<uint8_t> pixels(50 * 60 * 3, static_cast<uint8_t>(value + 20));
      test::write_file(photos_ + "/ant/" + std::to_string(i) + ".png", png(value));
      test::write_file(photos_ + "/bee/deep/" + std::to_string(i) + ".JPG",
                       test::encode_jpeg(50, 60, JCS_RGB, JCS_YCbCr, pixels));
    }
  }

  test::Outcome shard(const std::string& more = "") {
    return run("shard --input '" + photos_ + "' --size 32 --output '" + shards_ + "' " + more);
  }

  std::string first_shard() const { return data::ShardSet::open(shards_).files().front(); }

  // Names and contents of all files of a folder and those below it.
  static std::map<std::string, std::string> contents(const std::string& folder) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (!entry.is_regular_file()) continue;
      files[fs::relative(entry.path(), folder).string()] = test::read_file(entry.path().string());
    }
    return files;
  }

  static void expect_one_line(const test::Outcome& outcome, int code, const std::string& text) {
    test::expect_one_line(outcome, code, "data_prep: ", text);
  }

  test::TemporaryFolder folder_;
  std::string photos_ = folder_ / "photos", shards_ = folder_ / "shards";
};

TEST_F(DataPrep, ExplainsItself) {
  EXPECT_THAT(run("--help").out, HasSubstr("shard"));
  EXPECT_EQ(run("--help").code, 0);
  EXPECT_THAT(run("--version").out, StartsWith("data_prep "));
  for (const std::string command : {"shard", "verify", "info"}) {
    const test::Outcome help = run(command + " --help");
    EXPECT_EQ(help.code, 0);
    EXPECT_THAT(help.out, StartsWith("Usage: data_prep " + command));
  }
  EXPECT_EQ(run("").code, 2);
}

TEST_F(DataPrep, TurnsAFolderOfClassesIntoShards) {
  make_photos();
  fs::create_directories(photos_ + "/cow");  // a class that has no images here
  const test::Outcome outcome = shard("--shards 2");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(outcome.out, HasSubstr("6 images of 32x32x3, 3 classes, 2 shard(s)"));
  const data::ShardSet shards = data::ShardSet::open(shards_);
  EXPECT_EQ(shards.class_names(), (std::vector<std::string>{"ant", "bee", "cow"}));
  std::vector<int> colours[2];
  std::vector<uint8_t> pixels(32 * 32 * 3);
  for (int64_t i = 0; i < 6; ++i) {
    shards.read(i, pixels);
    EXPECT_EQ(pixels, std::vector<uint8_t>(pixels.size(), pixels[0]));
    colours[shards.label(i)].push_back(pixels[0]);
  }
  EXPECT_THAT(colours[0], testing::UnorderedElementsAre(0, 40, 80));
  EXPECT_THAT(colours[1], testing::UnorderedElementsAre(20, 60, 100));

  EXPECT_THAT(run("verify '" + shards_ + "'").out, HasSubstr("ok, 6 samples in 2 shard(s)"));
  const auto info = nlohmann::json::parse(run("info --json '" + shards_ + "'").out);
  EXPECT_EQ(info["classes"][1]["name"], "bee");
  EXPECT_EQ(info["classes"][1]["samples"], 3);
  EXPECT_EQ(info["classes"][2]["samples"], 0);
  EXPECT_EQ(info["unlabelled"], 0);
  EXPECT_THAT(run("info '" + shards_ + "'").out, HasSubstr("ant"));
}

TEST_F(DataPrep, MakesTheSameShardsWithAnyNumberOfThreads) {
  make_photos();
  shard("--threads 1");
  const auto one = contents(shards_);
  fs::remove_all(shards_);
  for (const char* threads : {"2", "7"}) {
    shard("--threads " + std::string(threads));
    EXPECT_TRUE(one == contents(shards_));  // to the byte
    fs::remove_all(shards_);
  }
}

TEST_F(DataPrep, FlatFolderHasNoLabels) {
  test::write_file(photos_ + "/a.png", png(1));
  test::write_file(photos_ + "/notes.txt", "ignored by its name");
  ASSERT_EQ(shard("--channels 1").code, 0);
  const data::ShardSet shards = data::ShardSet::open(shards_);
  EXPECT_EQ(shards.size(), 1);
  EXPECT_EQ(shards.channels(), 1);
  EXPECT_EQ(shards.label(0), -1);
  EXPECT_EQ(shards.num_classes(), 0);
}

TEST_F(DataPrep, ReadsIdxPlainAndGzip) {
  std::string values;
  for (int i = 0; i < 5 * 28 * 28; ++i) values += static_cast<char>(i * 7);
  test::write_file(folder_ / "images", test::idx_file({5, 28, 28}, values));
  test::write_file(folder_ / "labels", test::idx_file({5}, {3, 0, 1, 0, 2}));
  ASSERT_EQ(std::system(
                ("gzip -k '" + (folder_ / "images") + "' '" + (folder_ / "labels") + "'").c_str()),
            0);
  std::string fingerprint;
  for (const std::string end : {"", ".gz"}) {
    const test::Outcome outcome =
        run("shard --force --format idx --input '" + (folder_ / "images") + end + "' --labels '" +
            (folder_ / "labels") + end + "' --size 32 --fit pad --output '" + shards_ + "'");
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const data::ShardSet shards = data::ShardSet::open(shards_);
    EXPECT_EQ(shards.size(), 5);
    EXPECT_EQ(shards.label(0), 3);
    EXPECT_EQ(shards.num_classes(), 4);
    std::vector<uint8_t> pixels(32 * 32);
    shards.read(2, pixels);
    EXPECT_EQ(pixels[0], 0);
    EXPECT_EQ(pixels[2 * 32 + 2], static_cast<uint8_t>(values[2 * 784]));
    EXPECT_EQ(pixels[29 * 32 + 29], static_cast<uint8_t>(values[3 * 784 - 1]));
    fingerprint += shards.fingerprint();
  }
  EXPECT_EQ(fingerprint.substr(0, 16), fingerprint.substr(16));

  const auto refuse = [&](const std::string& images, const std::string& labels,
                          const std::string& text) {
    expect_one_line(run("shard --size 32 --output '" + (folder_ / "x") + "' --input '" +
                        (folder_ / images) + "' --labels '" + (folder_ / labels) + "'"),
                    2, text);
  };
  test::write_file(folder_ / "short", test::idx_file({5, 28, 28}, values.substr(1)));
  test::write_file(folder_ / "long", test::idx_file({5, 28, 28}, values + "x"));
  test::write_file(folder_ / "four", test::idx_file({4}, "0123"));
  const std::string gzip = test::read_file(folder_ / "images.gz");
  test::write_file(folder_ / "cut.gz", gzip.substr(0, gzip.size() - 6));
  refuse("short", "labels", "is truncated: 3919 of 3920 bytes");
  refuse("long", "labels", "longer than its header says");
  refuse("cut.gz", "labels", "cut.gz");
  refuse("images", "four", "has 4 labels");
  refuse("labels", "images", "not an IDX file of images");
  refuse("absent", "labels", "does not exist");
}

TEST_F(DataPrep, ImagesOfOneSizeNeedNoSize) {
  const std::string cifar = folder_ / "one.bin", again = folder_ / "again";
  test::write_file(cifar, std::string(1, '\3') + std::string(3072, 'x'));
  ASSERT_EQ(run("shard --input '" + cifar + "' --size 32 --output '" + again + "'").code, 0);
  ASSERT_EQ(run("shard --input '" + cifar + "' --output '" + shards_ + "'").code, 0);
  const data::ShardSet set = data::ShardSet::open(shards_);
  EXPECT_EQ(set.height(), 32);
  EXPECT_EQ(set.fingerprint(), data::ShardSet::open(again).fingerprint());
  ASSERT_EQ(run("shard --force --input '" + shards_ + "' --output '" + again + "'").code, 0);
  EXPECT_EQ(set.fingerprint(), data::ShardSet::open(again).fingerprint());
  for (const int width : {5, 4}) {
    const std::string path = folder_ / ("idx" + std::to_string(width));
    test::write_file(
        path, test::idx_file({2, 5, width}, std::string(static_cast<size_t>(2 * 5 * width), 'x')));
    const test::Outcome outcome =
        run("shard --force --input '" + path + "' --output '" + shards_ + "'");
    if (width == 5) {
      EXPECT_EQ(outcome.code, 0) << outcome.err;
      EXPECT_EQ(data::ShardSet::open(shards_).height(), 5);
    } else {
      expect_one_line(outcome, 2, "the images are no squares of one size");
    }
  }
  make_photos();
  expect_one_line(run("shard --input '" + photos_ + "' --output '" + (folder_ / "x") + "'"), 2,
                  "images of --format folder have any size");
}

TEST_F(DataPrep, ReadsCifarAsAFileAndAsAFolder) {
  // Each plane of each image has one value of its own.
  const auto record = [](const std::string& labels, int first) {
    std::string bytes = labels;
    for (const int value : {first, first + 1, first + 2}) {
      bytes += std::string(1024, static_cast<char>(value));
    }
    return bytes;
  };
  const std::string root = folder_ / "cifar", single = root + "/test_batch.bin";
  test::write_file(root + "/data_batch_1.bin", record({4}, 10));
  test::write_file(root + "/data_batch_2.bin", record({9}, 20) + record({0}, 200));
  test::write_file(single, record({7}, 30));
  const auto convert = [&](const std::string& input, const std::string& more) {
    return run("shard --force --size 32 --output '" + shards_ + "' --input '" + input + "' " +
               more);
  };
  const auto expect_sample = [&](int64_t index, int64_t label, uint8_t first) {
    const data::ShardSet shards = data::ShardSet::open(shards_);
    EXPECT_EQ(shards.num_classes(), 10);
    EXPECT_EQ(shards.label(index), label);
    std::vector<uint8_t> pixels(32 * 32 * 3);
    shards.read(index, pixels);
    for (size_t i = 0; i < pixels.size(); ++i) ASSERT_EQ(pixels[i], first + i % 3) << i;
  };
  test::Outcome outcome = convert(root, "--format cifar10");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("3 images of 32x32x3, 10 classes"));
  expect_sample(0, 4, 10);
  expect_sample(1, 9, 20);
  expect_sample(2, 0, 200);
  EXPECT_THAT(run("info '" + shards_ + "'").out, HasSubstr("CIFAR-10 folder cifar, train"));
  outcome = convert(root, "--format cifar10 --split test");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  expect_sample(0, 7, 30);
  const std::string fingerprint = data::ShardSet::open(shards_).fingerprint();
  ASSERT_EQ(convert(single, "").code, 0) << "not recognised by its size";
  EXPECT_EQ(data::ShardSet::open(shards_).fingerprint(), fingerprint);
  test::write_file(root + "/batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n");
  ASSERT_EQ(convert(root, "--split test").code, 0) << "not recognised by the names of the files";
  EXPECT_EQ(data::ShardSet::open(shards_).class_names()[9], "j");
  EXPECT_EQ(data::ShardSet::open(shards_).fingerprint(), fingerprint);

  test::write_file(folder_ / "hundred.bin", record({19, 99}, 1));
  outcome = convert(folder_ / "hundred.bin", "");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(data::ShardSet::open(shards_).num_classes(), 100);
  EXPECT_EQ(data::ShardSet::open(shards_).label(0), 99);
}

TEST_F(DataPrep, WrongCifarFilesAndOptionsAreRefused) {
  const std::string root = folder_ / "cifar", single = root + "/test_batch.bin";
  test::write_file(single, std::string(3073, '\1'));
  const auto refuse = [&](const std::string& input, const std::string& more,
                          const std::string& text) {
    expect_one_line(
        run("shard --size 32 --output '" + shards_ + "' --input '" + input + "' " + more), 2, text);
  };
  refuse(root, "--format cifar10", root + " has no data_batch_1.bin");
  refuse(single, "--format cifar100", "3073 bytes are not a multiple of 3074");
  refuse(single, "--split test", "--split belongs to a folder of CIFAR's files");
  refuse(root, "--split test", "--split belongs to --format cifar10 or cifar100");
  refuse(single, "--labels x", "--labels belongs to --format folder or idx or tar");
  refuse(root, "--format cifar", "--format = 'cifar' must be one of auto, folder, idx, cifar10, ");
  test::write_file(folder_ / "label.bin", std::string(3073, '\12'));
  refuse(folder_ / "label.bin", "", "label.bin: record 0 has label 10; CIFAR-10 has 0 to 9");
  test::write_file(folder_ / "cut.bin", std::string(3072, '\1'));
  refuse(folder_ / "cut.bin", "", "is neither a folder nor an IDX file nor a .bin file of CIFAR");
  refuse(folder_ / "cut.bin", "--format cifar10", "is truncated or not of CIFAR-10: 3072 bytes");
  // The beginning of an IDX file, and the size of a CIFAR file.
  test::write_file(folder_ / "both.bin", std::string("\0\0\10\3", 4) + std::string(3069, '\1'));
  refuse(folder_ / "both.bin", "", "both.bin can be idx and cifar10");
}

TEST_F(DataPrep, MissingAndEmptyInputsAreRefused) {
  expect_one_line(shard(), 2, "does not exist");
  fs::create_directories(photos_);
  expect_one_line(shard(), 2, "no images in " + photos_);
  expect_one_line(run("verify '" + (folder_ / "absent") + "'"), 2, "does not exist");
  expect_one_line(run("info '" + photos_ + "'"), 2, "has no data set");
  test::write_file(photos_ + "/a.png", png(1));
  test::write_file(photos_ + "/ant/b.png", png(1));
  expect_one_line(shard(), 2, "has both images (a.png) and sub-folders (ant)");
  EXPECT_FALSE(fs::exists(shards_ + "/dataset.json"));
}

// Files that file managers, synchronisers, archivers and notebooks leave in folders are no data, at
// any depth. Those left out are told by kind.
TEST_F(DataPrep, WhatIsNoImageIsLeftOutAndCountedInOneLine) {
  make_photos();
  for (const char* name :
       {"/.git/a.png", "/__MACOSX/ant/a.png", "/@eaDir/a.png", "/lost+found/a.png",
        "/ant/.ipynb_checkpoints/a.png", "/bee/deep/@eaDir/deeper/a.png", "/ant/._0.png",
        "/bee/.hidden.png", "/ant/.DS_Store", "/bee/deep/Thumbs.db", "/desktop.ini",
        "/ant/notes.txt", "/ant/A.TXT", "/bee/deep/moving.gif", "/bee/README"}) {
    test::write_file(photos_ + name, png(200));
  }
  const test::Outcome outcome = shard();
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err,
            "left out: 4 system folders, 3 hidden files, 2 .txt, 2 hidden folders, 2 system files, "
            "1 .gif, 1 file without extension\n");
  const data::ShardSet shards = data::ShardSet::open(shards_);
  EXPECT_EQ(shards.class_names(), (std::vector<std::string>{"ant", "bee"}));
  EXPECT_EQ(shards.size(), 6);
  const auto json = nlohmann::json::parse(shard("--force --json").out);
  EXPECT_EQ(json["left_out"][".txt"], 2);
  EXPECT_EQ(json["left_out"]["hidden folder"], 2);
}

TEST_F(DataPrep, LinksAreFollowedAndLoopsAndBrokenOnesTold) {
  make_photos();
  const std::string elsewhere = folder_ / "elsewhere";
  test::write_file(elsewhere + "/cat/0.png", png(200));
  test::write_file(elsewhere + "/more/1.png", png(210));
  test::write_file(elsewhere + "/one.png", png(220));
  fs::create_directory_symlink(elsewhere + "/cat", photos_ + "/cat");        // a class
  fs::create_directory_symlink(elsewhere + "/more", photos_ + "/ant/more");  // a part of one
  fs::create_symlink(elsewhere + "/one.png", photos_ + "/bee/one.png");
  fs::create_directory_symlink("..", photos_ + "/bee/deep/up");
  fs::create_directory_symlink(".", photos_ + "/self");
  fs::create_symlink(elsewhere + "/nowhere.png", photos_ + "/ant/gone.png");
  fs::create_symlink("nowhere", photos_ + "/dog");
  const test::Outcome outcome = shard();
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "left out: 2 broken links, 2 links to a folder above\n");
  const data::ShardSet shards = data::ShardSet::open(shards_);
  EXPECT_EQ(shards.class_names(), (std::vector<std::string>{"ant", "bee", "cat"}));
  std::vector<int> counts(3);
  for (int64_t i = 0; i < shards.size(); ++i) ++counts[static_cast<size_t>(shards.label(i))];
  EXPECT_THAT(counts, testing::ElementsAre(4, 4, 1));
}

TEST_F(DataPrep, FoldersNamedLikeSplitsAreWarnedOf) {
  for (const char* name : {"/train/ant/0.png", "/train/bee/0.png", "/Val/ant/0.png"}) {
    test::write_file(photos_ + name, png(1));
  }
  const test::Outcome outcome = shard();
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, StartsWith("warning: Val, train in " + photos_ +
                                      " are named like parts of a data set, and became classes"));
  EXPECT_THAT(outcome.err,
              HasSubstr("--input '" + photos_ + "/Val' --output '" + shards_ + "/Val'"));
  // One class among others may well be called train.
  test::write_file(photos_ + "/bus/0.png", png(1));
  test::write_file(photos_ + "/car/0.png", png(1));
  fs::remove_all(photos_ + "/Val");
  EXPECT_EQ(shard("--force").err, "");
}

TEST_F(DataPrep, CopiesOfAFilesAttributesBesideShardsAreNoShards) {
  make_photos();
  ASSERT_EQ(shard().code, 0);
  test::write_file(shards_ + "/._" + fs::path(first_shard()).filename().string(), "attributes");
  EXPECT_EQ(run("verify '" + shards_ + "'").code, 0);
  EXPECT_EQ(data::ShardSet::open(shards_).files().size(), 1u);
}

TEST_F(DataPrep, AnOutputFolderThatIsInUseIsRefusedUntouched) {
  make_photos();
  ASSERT_EQ(shard().code, 0);
  const std::string before = test::read_file(first_shard());
  {
    const core::FolderLock other(shards_, "a test");
    test::write_file(shards_ + "/data-0.h5.partial", "the other's work");
    expect_one_line(shard("--force --shards 2"), 2,
                    shards_ + " is in use by a test, process " + std::to_string(::getpid()));
    EXPECT_EQ(test::read_file(first_shard()), before);
    EXPECT_EQ(test::read_file(shards_ + "/data-0.h5.partial"), "the other's work");
  }
  EXPECT_EQ(shard("--force --shards 2").code, 0);
}

TEST_F(DataPrep, AFolderWhoseWriterWasKilledIsTakenOver) {
  make_photos();
  // A writer in the shape of a shell that has the folder and then its end.
  fs::create_directories(shards_);
  const pid_t child = ::fork();
  if (child == 0) {
    const core::FolderLock lock(shards_, "a killed writer");
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  ASSERT_TRUE(fs::exists(shards_ + "/.owner.json"));
  const test::Outcome outcome = shard();
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("from a killed writer, process " + std::to_string(child)));
  EXPECT_FALSE(fs::exists(shards_ + "/.owner.json"));
}

TEST_F(DataPrep, OfSeveralAtOnceOneWritesAndTheOthersAreRefused) {
  make_photos();
  std::string commands;
  for (int i = 0; i < 4; ++i) {
    commands += "(" + test::program("data_prep") + " shard --input '" + photos_ +
                "' --size 32 --output '" + shards_ + "'; echo \"code $?\") & ";
  }
  const test::Outcome outcome = test::run_command(folder_, commands + "wait");
  const auto count = [&](const std::string& text) {
    size_t found = 0;
    for (size_t at = outcome.out.find(text); at != std::string::npos;
         at = outcome.out.find(text, at + 1)) {
      ++found;
    }
    return found;
  };
  // One that comes when another has finished finds the set whole.
  EXPECT_GE(count("code 0"), 1u) << outcome.out << outcome.err;
  EXPECT_EQ(count("code 0") + count("code 2"), 4u) << outcome.out << outcome.err;
  EXPECT_EQ(run("verify '" + shards_ + "'").code, 0);
}

// Variables that mpirun of Open MPI, mpirun of MPICH and srun set for their processes.
TEST_F(DataPrep, ProcessesOfAJobShareTheShardsAndMakeTheSameSet) {
  make_photos();
  const std::string work =
      test::program("data_prep") + " shard --input '" + photos_ + "' --size 16,32 --shards 5";
  ASSERT_EQ(test::run_command(folder_, work + " --output '" + folder_ / "alone" + "'").code, 0);
  const auto alone = contents(folder_ / "alone");
  EXPECT_EQ(alone.size(), 12u);  // five shards and a manifest for each size
  for (const std::string names :
       {"OMPI_COMM_WORLD_RANK OMPI_COMM_WORLD_SIZE PMIX_NAMESPACE", "PMI_RANK PMI_SIZE PMI_JOBID",
        "SLURM_PROCID SLURM_STEP_NUM_TASKS SLURM_JOB_ID"}) {
    std::istringstream words(names);
    std::string rank, size, job;
    words >> rank >> size >> job;
    for (const int ranks : {2, 4}) {
      std::string commands;
      for (int i = ranks - 1; i >= 0; --i) {
        commands += rank + "=" + std::to_string(i) + " " + size + "=" + std::to_string(ranks) +
                    " " + job + "=7 " + work + " --output '" + folder_ / "job" + "' & ";
      }
      const test::Outcome outcome = test::run_command(folder_, commands + "wait");
      EXPECT_EQ(outcome.err, "");
      EXPECT_THAT(outcome.out, HasSubstr("job/32: 6 images of 32x32x3, 2 classes, 5 shard(s)"));
      EXPECT_TRUE(contents(folder_ / "job") == alone) << names << " " << ranks;
      fs::remove_all(folder_ / "job");
    }
  }
}

TEST_F(DataPrep, AFailureOfOneProcessIsToldByTheFirst) {
  make_photos();
  // Rank 1 of this job writes no file larger than a few blocks.
  const std::string work =
      test::program("data_prep") + " shard --input '" + photos_ + "' --size 64 --shards 6";
  const std::string job = "PMIX_NAMESPACE=8 OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=";
  const test::Outcome outcome =
      test::run_command(folder_, "cd '" + folder_.path() + "'; (trap '' XFSZ; ulimit -f 8; " + job +
                                     "1 " + work + " --output job 2> other) & " + job + "0 " +
                                     work + " --output job; code=$?; wait; exit $code");
  expect_one_line(outcome, 75, "waiting for the other processes failed for rank 1: ");
  EXPECT_THAT(outcome.err, HasSubstr("File too large"));
  EXPECT_THAT(test::read_file(folder_ / "other"), HasSubstr("File too large"));
  EXPECT_FALSE(fs::exists(folder_ / "job/dataset.json"));
  EXPECT_EQ(test::run_command(folder_, work + " --output '" + folder_ / "job" + "'").code, 0);
  EXPECT_EQ(contents(folder_ / "job").size(), 7u);
}

// Each time another moment, until one start gets to the end.
TEST_F(DataPrep, KilledAnywhereItGoesOnAndMakesTheSameFiles) {
  for (int i = 0; i < 200; ++i) {
    test::write_file(photos_ + "/ant/" + std::to_string(i) + ".png",
                     png(static_cast<uint8_t>(i), 100));
  }
  const std::string work = test::program("data_prep") + " shard --input '" + photos_ +
                           "' --size 64 --shards 9 --threads 2 --output '" + folder_.path() + "/";
  ASSERT_EQ(test::run_command(folder_, work + "whole'").code, 0);
  int kills = 0;
  for (int i = 0; i < 20; ++i) {
    const std::string seconds = "0.0" + std::to_string(10 + 4 * i);
    kills +=
        test::run_command(folder_, "timeout -s KILL " + seconds + " " + work + "killed'").code != 0;
    if (fs::exists(folder_ / "killed/dataset.json")) fs::remove_all(folder_ / "killed");
  }
  EXPECT_GT(kills, 2);
  ASSERT_EQ(test::run_command(folder_, work + "killed'").code, 0);
  EXPECT_TRUE(contents(folder_ / "whole") == contents(folder_ / "killed"));
}

// Whole shards of an interrupted conversion are kept; a damaged one is made again.
TEST_F(DataPrep, ShardsThatAreThereAreVerified) {
  make_photos();
  ASSERT_EQ(shard("--shards 3").code, 0);
  const auto whole = contents(shards_);
  const std::string damaged = first_shard();
  fs::remove(shards_ + "/dataset.json");
  std::string bytes = test::read_file(damaged);
  bytes[bytes.size() / 2] ^= 1;
  test::write_file(damaged, bytes);
  const test::Outcome outcome = shard("--shards 3");
  EXPECT_THAT(outcome.err, HasSubstr("kept: 2 shard(s)"));
  EXPECT_TRUE(contents(shards_) == whole);
}

TEST_F(DataPrep, StoresOriginalFilesAndJpegMadeAnew) {
  make_photos();
  test::write_file(photos_ + "/ant/large.png", png(7, 100));
  const std::string work = "shard --input '" + photos_ + "' --output '" + shards_ + "' ";
  ASSERT_EQ(run(work + "--store original").code, 0);
  {
    const data::ShardSet set = data::ShardSet::open(shards_);
    EXPECT_EQ(set.encoding(), data::Encoding::kJpeg);
    std::vector<uint8_t> buffer;
    for (int64_t i = 0; i < set.size(); ++i) {
      const auto bytes = set.source()->read(i, buffer, data::Check::kVerify);
      EXPECT_EQ(std::string(bytes.begin(), bytes.end()),
                test::read_file(photos_ + "/" + set.source()->name(i)));
    }
  }
  EXPECT_EQ(run("verify --decode '" + shards_ + "'").code, 0);
  // Shorter sides of 40, 50 and 100 pixels.
  const auto sides = nlohmann::json::parse(run("info --json --sizes '" + shards_ + "'").out);
  EXPECT_EQ(sides["shorter_sides"],
            nlohmann::json::parse(R"({"images": 7, "from": {"32": 6, "64": 1}})"));
  EXPECT_THAT(run("info --sizes '" + shards_ + "'").out,
              testing::ContainsRegex("shorter side of the images\n +32 to 63 +6 +#{40}\n"));
  ASSERT_EQ(run(work + "--store jpeg --size 20 --force").code, 0);
  EXPECT_EQ(run("verify --decode '" + shards_ + "'").code, 0);
  expect_one_line(run(work + "--store original --size 8 --force"), 2, "has no use for --size");
  expect_one_line(run(work + "--force"), 2, "--size is missing");
  expect_one_line(run(work + "--force --size 8,x"), 2, "--size = '8,x' must be a size in pixels");
}

TEST_F(DataPrep, DryRunSaysWhatWouldBeWrittenAndWritesNothing) {
  make_photos();
  const test::Outcome outcome = shard("--dry-run");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("6 images, 2 classes"));
  EXPECT_THAT(outcome.out, HasSubstr("nothing was written"));
  EXPECT_FALSE(fs::exists(shards_));
}

TEST_F(DataPrep, MergesAndSplitsDataSets) {
  make_photos();
  const auto in_folder = [&](const std::string& arguments) {
    return run(arguments, "cd '" + folder_.path() + "';");
  };
  ASSERT_EQ(shard().code, 0);
  test::write_file(photos_ + "/cow/1.png", png(200));
  fs::remove_all(photos_ + "/ant");
  ASSERT_EQ(in_folder("shard --input '" + photos_ + "' --size 32 --output other").code, 0);
  ASSERT_EQ(in_folder("merge --inputs '" + shards_ + "',other --output both").code, 0);
  const data::ShardSet both = data::ShardSet::open(folder_ / "both");
  EXPECT_EQ(both.class_names(), (std::vector<std::string>{"ant", "bee", "cow"}));
  EXPECT_EQ(both.class_counts(), (std::vector<int64_t>{3, 6, 1}));

  ASSERT_EQ(in_folder("split --input both --per-class 2 --output few --rest others").code, 0);
  EXPECT_EQ(data::ShardSet::open(folder_ / "few").class_counts(), (std::vector<int64_t>{2, 2, 1}));
  EXPECT_EQ(data::ShardSet::open(folder_ / "others").class_counts(),
            (std::vector<int64_t>{1, 4, 0}));
  test::write_file(folder_ / "list", "cow\nant\n");
  ASSERT_EQ(in_folder("split --input both --classes list --output two").code, 0);
  const data::ShardSet two = data::ShardSet::open(folder_ / "two");
  EXPECT_EQ(two.class_names(), (std::vector<std::string>{"ant", "cow"}));
  EXPECT_EQ(two.class_counts(), (std::vector<int64_t>{3, 1}));
  ASSERT_EQ(in_folder("split --input both --count 7 --seed 3 --output seven").code, 0);
  EXPECT_EQ(data::ShardSet::open(folder_ / "seven").size(), 7);
  EXPECT_EQ(in_folder("verify seven").code, 0);
  test::write_file(folder_ / "list", "dog\n");
  expect_one_line(in_folder("split --input both --classes list --output x"), 2,
                  "both has no class 'dog', which list names");
  expect_one_line(in_folder("split --input both --classes 4 --output x"), 2, "both has 3");
}

TEST_F(DataPrep, AClassWhoseNameHasALineBreakIsRefused) {
  test::write_file(photos_ + "/a\nt/0.png", png(1));
  expect_one_line(shard(), 2, "the class name 'a\\nt' has a control character");
}

// Shards of an earlier version may have such names.
TEST_F(DataPrep, InfoShowsControlCharactersAsEscapes) {
  const std::vector<uint8_t> pixels(4);
  test::DataSetWriter writer({.folder = shards_,
                              .height = 2,
                              .width = 2,
                              .channels = 1,
                              .class_names = {"a\nt", "b\x1b[2J"},
                              .source = "a\rtest"});
  writer.add(pixels, 0);
  writer.close();
  const std::string out = run("info '" + shards_ + "'").out;
  EXPECT_THAT(out, HasSubstr("    a\\nt  "));
  EXPECT_THAT(out, HasSubstr("    b\\x1b[2J  "));
  EXPECT_THAT(out, HasSubstr("made from    a\\rtest\n"));
}

TEST_F(DataPrep, ResultsThatCannotBeWrittenAreAnError) {
  make_photos();
  ASSERT_EQ(shard().code, 0);
  const std::string path = " '" + shards_ + "' ";
  for (const std::string& arguments :
       {"info" + path, "info --json" + path, "verify" + path, std::string("--help"),
        std::string("--version"), std::string("shard --help"),
        "shard --force --input '" + photos_ + "' --size 32 --output" + path}) {
    const test::Outcome outcome = run(arguments + " > /dev/full");
    expect_one_line(outcome, 1, "write failed for standard output: No space left on device");
  }
}

TEST_F(DataPrep, WrongOptionsAreNamedTogether) {
  const test::Outcome outcome = run("shard --sice 32 --fit strech --shards 0");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("unknown option --sice; did you mean --size?"));
  EXPECT_THAT(outcome.err, HasSubstr("--fit = 'strech' must be one of auto, resize, pad"));
  EXPECT_THAT(outcome.err, HasSubstr("--shards = '0' must be a whole number from 1"));
  EXPECT_THAT(outcome.err, HasSubstr("--input PATH is missing"));
  expect_one_line(run("sharf"), 2, "unknown command 'sharf'");
  make_photos();
  expect_one_line(shard("--shards 7"), 2, "more than the 6 images");
}

TEST_F(DataPrep, AllUnreadableImagesAreNamedAtTheEnd) {
  make_photos();
  test::write_file(photos_ + "/ant/text.jpg", "a text file that is named .jpg\n");
  test::write_file(photos_ + "/bee/cut.png", png(9).substr(0, 80));
  const test::Outcome refused = shard();
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("2 of 8 images cannot be decoded:\n"));
  EXPECT_THAT(refused.err, HasSubstr("  cannot decode ant/text.jpg: "));
  EXPECT_THAT(refused.err, HasSubstr("  cannot decode bee/cut.png: "));
  EXPECT_THAT(refused.err, HasSubstr("and --max-bad allows 0"));
  EXPECT_FALSE(fs::exists(shards_ + "/dataset.json"));
  EXPECT_EQ(shard("--max-bad 1").code, 2);
  expect_one_line(shard("--max-bad some"), 2, "--max-bad = 'some' must be a number, or a share");

  const test::Outcome outcome = shard("--max-bad 25%");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("2 of 8 images cannot be decoded:\n"));
  EXPECT_EQ(data::ShardSet::open(shards_).size(), 6);
  const auto json = nlohmann::json::parse(shard("--max-bad 2 --force --json").out);
  EXPECT_EQ(json["sets"][0]["samples"], 6);
  EXPECT_EQ(json["bad"].size(), 2u);

  fs::remove_all(photos_);
  test::write_file(photos_ + "/ant/text.jpg", "nothing else");
  expect_one_line(shard("--max-bad 100% --force"), 2, "none of the 1 images");
  EXPECT_EQ(data::ShardSet::open(shards_).size(), 6) << "the old shards went too early";
}

// Images that were repaired are no longer left out.
TEST_F(DataPrep, ShardsThatLeftSomethingOutAreMadeAgain) {
  make_photos();
  test::write_file(photos_ + "/bee/cut.png", png(9).substr(0, 80));
  EXPECT_EQ(shard("--shards 2").code, 2);
  test::write_file(photos_ + "/bee/cut.png", png(9));
  EXPECT_EQ(shard("--shards 2").code, 0);
  EXPECT_EQ(data::ShardSet::open(shards_).size(), 7);
}

// Reading this file's first bytes fails as a disk does. That is no fault of an image, which
// --max-bad would leave out, nor of a file's content.
TEST_F(DataPrep, ADiskThatFailsIsNamedAndNothingIsSkipped) {
  make_photos();
  ASSERT_EQ(shard().code, 0);
  fs::create_symlink("/proc/self/mem", photos_ + "/ant/9.png");
  expect_one_line(shard("--max-bad 9 --force"), 75,
                  "read failed for " + photos_ + "/ant/9.png: Input/output error");
  EXPECT_EQ(data::ShardSet::open(shards_).size(), 6);
  expect_one_line(
      run("shard --format idx --input /proc/self/mem --size 32 --output '" + (folder_ / "x") + "'"),
      75, "read failed for /proc/self/mem: Input/output error");
  expect_one_line(run("info /proc/self/mem"), 75, "/proc/self/mem: file read failed");
}

TEST_F(DataPrep, ManyShardsNeedFewOpenFiles) {
  make_photos();
  for (int i = 0; i < 60; ++i) {
    test::write_file(photos_ + "/ant/many" + std::to_string(i) + ".png",
                     png(static_cast<uint8_t>(i)));
  }
  ASSERT_EQ(shard("--shards 66").code, 0);
  EXPECT_THAT(run("verify '" + shards_ + "'", "ulimit -n 40;").out, HasSubstr("ok, 66 samples"));
  EXPECT_THAT(run("verify '" + shards_ + "'", "ulimit -Sn 9;").out, HasSubstr("ok, 66 samples"));
  // The program that started the test may have left number 3 open.
  const test::Outcome outcome = run("verify '" + shards_ + "'", "exec 3>&-; ulimit -n 4;");
  expect_one_line(outcome, 1, "Too many open files; this process may have 4 at a time");
}

TEST_F(DataPrep, ExistingShardsAreKeptUnlessForced) {
  make_photos();
  ASSERT_EQ(shard().code, 0);
  EXPECT_THAT(shard().err, HasSubstr("has this data set already, whole"));
  expect_one_line(shard("--shards 3"), 2, "already has another data set");
  EXPECT_EQ(shard("--force --shards 3").code, 0);
  EXPECT_EQ(data::ShardSet::open(shards_).files().size(), 3u);
}

TEST_F(DataPrep, FlippedByteAndTruncationAreFoundWithFileAndSample) {
  make_photos();
  ASSERT_EQ(shard().code, 0);
  const std::string file = first_shard();
  const std::string good = test::read_file(file);
  std::string bad = good;
  const size_t pixels = good.find(std::string(32 * 32 * 3, static_cast<char>(80)));
  ASSERT_NE(pixels, std::string::npos);
  bad[pixels + 10] ^= 1;
  test::write_file(file, bad);
  expect_one_line(run("verify '" + shards_ + "'"), 2, file + " is damaged: the digest of sample ");
  test::write_file(file, good.substr(0, good.size() - 100));
  expect_one_line(run("verify '" + shards_ + "'"), 2, file + " is truncated");
  test::write_file(file, good);
  EXPECT_EQ(run("verify '" + shards_ + "'").code, 0);
}

// A limit on file size stands for the full disk: the write fails in the same place.
TEST_F(DataPrep, FullDiskIsASystemErrorAndLeavesNoSet) {
  for (int i = 0; i < 40; ++i) {
    test::write_file(photos_ + "/" + std::to_string(i) + ".png", png(static_cast<uint8_t>(i), 64));
  }
  const std::string limit = "trap '' XFSZ; ulimit -f 100;";
  const test::Outcome outcome =
      run("shard --input '" + photos_ + "' --size 64 --output '" + shards_ + "'", limit);
  expect_one_line(outcome, 1, shards_);
  EXPECT_THAT(outcome.err, HasSubstr("File too large"));
  EXPECT_FALSE(fs::exists(shards_ + "/dataset.json"));
  expect_one_line(run("info '" + shards_ + "'"), 2, "");
}

}  // namespace
}  // namespace bbg
