#pragma once
// A small data set and a fast configuration, for tests that train with the built bbg_dist.

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "checkpoint/safetensors.h"
#include "core/file_system.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"

namespace bbg::test {

class BbgDist : public ::testing::Test {
 protected:
  // 256 grey images of 16x16: stripes of four slopes, which are the classes, with many phases.
  static void SetUpTestSuite() {
    data_ = new TemporaryFolder;
    std::string pixels, labels;
    for (int i = 0; i < 256; ++i) {
      labels += static_cast<char>(i % 4);
      const double slope = (i % 4) * 0.7, phase = i * 0.37;
      for (int p = 0; p < 256; ++p) {
        const double wave =
            std::sin(0.8 * (p % 16) * std::cos(slope) + 0.8 * (p / 16) * std::sin(slope) + phase);
        pixels += static_cast<char>(std::lround(127.5 + 120 * wave));
      }
    }
    write_file(*data_ / "images", idx_file({256, 16, 16}, pixels));
    write_file(*data_ / "labels", idx_file({256}, labels));
    const Outcome outcome = run_command(*data_, program("data_prep") + " shard --size 16 --input " +
                                                    shell_word(*data_ / "images") + " --labels " +
                                                    shell_word(*data_ / "labels") + " --output " +
                                                    shell_word(shards()));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
  }
  static void TearDownTestSuite() {
    delete data_;
    data_ = nullptr;
  }
  static std::string shards() { return *data_ / "shards"; }

  void SetUp() override { write_config("logistic", "bn"); }

  // The strided networks at 16 pixels; everything is written at every step that can be.
  void write_config(const std::string& loss, const std::string& d_norm) {
    write_file(config_,
               "[run]\nsteps = 20\n[data]\nshards = " + shards() +
                   "\nbatch = 64\n"
                   "[model]\nresolution = 16\nchannels = 1\nz-dim = 8\nblock = strided\n"
                   "width = 4\ne-width = 4\nd-norm = " +
                   d_norm +
                   "\nh-width = 8\nh-depth = 1\nj-width = 8\nj-depth = 1\n"
                   "e-head-width = 8\ne-head-depth = 1\n[loss]\nkind = " +
                   loss +
                   "\n[train]\nd-steps = 2\nema-decay = 0.9\nema-start = 5\n"
                   "decay-from = 10\ndecay-steps = 40\nlr-g = 1e-3\nlr-d = 1e-3\n"
                   "lr-e = 1e-3\n[eval]\nstanding-passes = 2\nsamples = 64\nprobe-iterations = 5\n"
                   "[report]\nevery = 1\ngrid-every = 20\nsample-log = true\n"
                   "[checkpoint]\nevery = 5\nkeep = 2\n[compute]\nthreads = 1\n");
  }

  // As a user starts it; `more` is shell text behind the fixture's own options.
  Outcome train(int ranks, const std::string& output, const std::string& more = "") {
    return run_command(folder_, train_command(ranks, output, more));
  }
  std::string train_command(int ranks, const std::string& output, const std::string& more) {
    return shell_word(std::string(BBG_SOURCE_DIR) + "/launch/run") + " --restarts 0 --ranks " +
           std::to_string(ranks) + " --program " + program("bbg_dist") + " --config " +
           shell_word(config_) + " --run.output " + shell_word(folder_ / output) + " " + more;
  }

  std::map<std::string, at::Tensor> state(const std::string& output, int step) {
    char name[64];
    std::snprintf(name, sizeof name, "/checkpoints/step-%08d/state.safetensors", step);
    const auto files = core::make_posix_file_system();
    const auto dict = checkpoint::read_safetensors(*files, folder_ / (output + name));
    return {dict.tensors.begin(), dict.tensors.end()};
  }

  // metrics.jsonl without the fields that tell the time and without changes of options.
  std::string metrics(const std::string& output) {
    std::istringstream lines(read_file(folder_ / (output + "/metrics.jsonl")));
    std::string text;
    for (std::string line; std::getline(lines, line);) {
      auto fields = nlohmann::ordered_json::parse(line);
      if (fields.contains("changed")) continue;
      EXPECT_TRUE(fields.contains("seconds") && fields.contains("images_per_second") &&
                  fields.contains("data_seconds"));
      fields.erase("seconds");
      fields.erase("images_per_second");
      fields.erase("data_seconds");
      text += fields.dump() + "\n";
    }
    return text;
  }
  std::string samples(const std::string& output) {
    return read_file(folder_ / (output + "/samples.log"));
  }

  // Losses, samples and every tensor of the last checkpoint.
  void expect_equal_bits(const std::string& one, const std::string& other, int step) {
    EXPECT_EQ(metrics(one), metrics(other));
    EXPECT_EQ(samples(one), samples(other));
    const auto expected = state(one, step), found = state(other, step);
    ASSERT_EQ(expected.size(), found.size());
    for (const auto& [name, tensor] : expected) {
      ASSERT_TRUE(found.count(name)) << name;
      EXPECT_TRUE(at::equal(tensor, found.at(name))) << name;
    }
  }

  static inline TemporaryFolder* data_ = nullptr;
  TemporaryFolder folder_;
  std::string config_ = folder_ / "test.ini";
};

}  // namespace bbg::test
