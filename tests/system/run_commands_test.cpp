// Commands that use a trained run: evaluate, encode, reconstruct, interpolate, shift, score. Alone
// and on two ranks, on a data set and on a folder of files, and what is refused.

#include <filesystem>

#include "core/npy.h"
#include "data/hdf5_file.h"
#include "tests/support/decode_image.h"
#include "tests/system/run_fixture.h"

namespace bbg {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class RunCommands : public test::BbgDist {
 protected:
  void SetUp() override {
    BbgDist::SetUp();
    ASSERT_EQ(train(1, "run").code, 0);
  }
  // Paths in commands are those of the test's folder.
  std::string in_folder() const { return "cd " + test::shell_word(folder_.path()) + " && "; }
  std::string words(const std::string& command) const {
    return command + " --config " + test::shell_word(folder_ / "run/config.ini") +
           " --run.output " + test::shell_word(folder_ / "run") + " ";
  }
  test::Outcome call(const std::string& command, const std::string& more) const {
    return test::run_command(folder_,
                             in_folder() + test::program("bbg_dist") + " " + words(command) + more);
  }
  test::Outcome on_two_ranks(const std::string& command, const std::string& more) const {
    return test::run_command(
        folder_, in_folder() + test::shell_word(std::string(BBG_SOURCE_DIR) + "/launch/run") +
                     " --restarts 0 --ranks 2 --program " + test::program("bbg_dist") + " " +
                     words(command) + more);
  }
  void refuse(const std::string& command, const std::string& more, const std::string& text) const {
    SCOPED_TRACE(command + " " + more);
    test::expect_one_line(call(command, more), 2, "error: ", text);
  }
  std::vector<double> numbers(const std::string& file, std::vector<int64_t> shape) const {
    const std::string content = test::read_file(folder_ / file);
    const core::NpyArray array = core::parse_npy(content, file);
    EXPECT_EQ(array.shape, shape);
    return array.doubles(file);
  }
  core::Image image(const std::string& file) const {
    return test::decode_image(test::read_file(folder_ / file), {.channels = 1}, file);
  }
};

TEST_F(RunCommands, EvaluateMeasuresTheCheckpointAsTheRunDidOnAnyRanks) {
  const auto expected = nlohmann::json::parse(test::read_file(folder_ / "run/evaluation.json"));
  const test::Outcome alone = call("evaluate", "--json --eval.linear-steps 50");
  ASSERT_EQ(alone.code, 0) << alone.err;
  const auto found = nlohmann::json::parse(alone.out);
  for (const char* group : {"linear_probe", "nearest_neighbour", "reconstruction", "frechet_pixels",
                            "encoder_frechet"}) {
    EXPECT_EQ(found[group], expected[group]) << group;
  }
  for (const auto& [entry, text] : expected["protocol"].items()) {
    EXPECT_EQ(found["protocol"][entry], text);
  }
  for (const char* group : {"knn", "linear_protocol", "few_labels"}) {
    EXPECT_TRUE(found.contains(group) && !expected.contains(group)) << group;
  }
  const test::Outcome both =
      on_two_ranks("evaluate", "--measures reconstruction,encoder_frechet --output two.json");
  ASSERT_EQ(both.code, 0) << both.err;
  EXPECT_THAT(both.out, HasSubstr("reconstruction"));
  const auto two = nlohmann::json::parse(test::read_file(folder_ / "two.json"));
  EXPECT_FALSE(two.contains("linear_probe"));
  // Two ranks take moments and sums in another order.
  EXPECT_NEAR(two["reconstruction"]["error"].get<double>(),
              expected["reconstruction"]["error"].get<double>(), 1e-3);
  // The choice of a best checkpoint is training's: it asks nothing of an evaluation of some.
  EXPECT_EQ(call("evaluate",
                 "--measures reconstruction --eval.every 10 "
                 "--checkpoint.keep-best eval.linear_probe")
                .code,
            0);
  // A sweep takes what an evaluation at each truncation takes.
  const auto encoder_frechet = [&](const std::string& more) {
    const test::Outcome outcome =
        call("evaluate", "--json --measures encoder_frechet --eval.truncation-mode hub " + more);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return nlohmann::json::parse(outcome.out);
  };
  const auto points = encoder_frechet("--truncations 0.2,0.9")["truncation_sweep"];
  ASSERT_EQ(points.size(), 2u);
  for (const auto& point : points) {
    const double truncation = point["truncation"].get<double>();
    EXPECT_EQ(point["encoder_frechet"]["samples"],
              encoder_frechet("--eval.truncation " +
                              std::to_string(truncation))["encoder_frechet"]["samples"]);
  }
  EXPECT_NE(points[0]["encoder_frechet"], points[1]["encoder_frechet"]);
  refuse("evaluate", "--truncations 0.5,wide", "'wide' is no number above 0");
  refuse("evaluate", "--measures fid", "--measures fid cannot be taken of this run");
  refuse("evaluate", "--measures fidd", "there is no such measure");
  refuse("evaluate", "--output absent/file.json", "the folder of --output absent/file.json");
  refuse("evaluate", "--extractor.inception absent.pt", "there is no network at absent.pt");
}

TEST_F(RunCommands, EncodeWritesRowsInTheOrderOfTheImagesOnAnyRanks) {
  ASSERT_EQ(call("encode", "--output z.npy --eval.batch 50").code, 0);
  const std::vector<double> z = numbers("z.npy", {256, 8});
  ASSERT_EQ(on_two_ranks("encode",
                         "--output all.h5 --what z_mean,z_sample,z_stdev,avepool,bn_crelu "
                         "--eval.batch 50")
                .code,
            0);
  data::Hdf5File file(folder_ / "all.h5", data::Hdf5File::Mode::kRead);
  std::vector<float> mean(256 * 8), deviation(256 * 8), sample(256 * 8);
  const auto read = [&](const char* name, std::vector<float>& values) {
    file.read_rows(name, data::Hdf5File::Type::kFloat32, 0, 256, values.data());
  };
  read("z_mean", mean);
  read("z_stdev", deviation);
  read("z_sample", sample);
  double sum = 0, squares = 0;
  for (size_t i = 0; i < mean.size(); ++i) {
    // Standing statistics of two ranks differ in rounding.
    EXPECT_NEAR(mean[i], z[i], 1e-4);
    const double epsilon = (sample[i] - mean[i]) / deviation[i];
    sum += epsilon;
    squares += epsilon * epsilon;
  }
  // 2,048 draws of N(0, 1): five standard errors.
  EXPECT_NEAR(sum / 2048, 0, 5 / std::sqrt(2048.0));
  EXPECT_NEAR(squares / 2048, 1, 5 * std::sqrt(2 / 2048.0));
  EXPECT_EQ(file.shape("names"), std::vector<int64_t>{256});
  std::vector<int64_t> labels(256);
  file.read_rows("labels", data::Hdf5File::Type::kInt64, 0, 256, labels.data());
  EXPECT_TRUE(std::all_of(labels.begin(), labels.end(), [](int64_t l) { return l >= 0 && l < 4; }));
  EXPECT_EQ(file.shape("bn_crelu")[1], 2 * file.shape("avepool")[1]);
}

TEST_F(RunCommands, TakeAFolderOfImagesAsTheyTakeADataSet) {
  ASSERT_EQ(call("sample", "--output files/deep --count 5 --save-codes codes.npy").code, 0);
  numbers("codes.npy", {5, 8});
  ASSERT_EQ(call("encode", "--images files --output z.npy").code, 0);
  numbers("z.npy", {5, 8});
  test::write_file(folder_ / "files/notes.txt", "not an image");
  ASSERT_EQ(on_two_ranks("score", "--images files --output s.csv --residuals r").code, 0);
  std::istringstream table(test::read_file(folder_ / "s.csv"));
  std::string line;
  std::getline(table, line);
  EXPECT_EQ(line, "image,name,s_x,s_z,s_xz,pixel_error,feature_error");
  for (int i = 0; i < 5; ++i) {
    std::getline(table, line);
    EXPECT_THAT(line, ::testing::StartsWith(std::to_string(i) + ",deep/0000000" +
                                            std::to_string(i) + ".png,"));
    EXPECT_EQ(image("r/0000000" + std::to_string(i) + ".png").width, 16);
  }
  EXPECT_FALSE(std::getline(table, line));
  // Codes make the images that they were saved with.
  ASSERT_EQ(call("sample", "--output again --codes codes.npy").code, 0);
  EXPECT_EQ(image("again/00000004.png").pixels, image("files/deep/00000004.png").pixels);
}

TEST_F(RunCommands, ReconstructAndInterpolateShowImages) {
  ASSERT_EQ(call("reconstruct", "--output pairs.png --count 12").code, 0);
  const core::Image pairs = image("pairs.png");
  EXPECT_EQ(pairs.width, 10 * 18 + 2);
  EXPECT_EQ(pairs.height, 4 * 18 + 2);  // two rows of images, each above its reconstructions
  ASSERT_EQ(on_two_ranks("reconstruct", "--output made --count 12").code, 0);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "made"), {}), 12);
  ASSERT_EQ(call("interpolate",
                 "--from made/00000000.png --to made/00000001.png --steps 5 "
                 "--output row.png")
                .code,
            0);
  EXPECT_EQ(image("row.png").width, 7 * 18 + 2);
}

TEST_F(RunCommands, ShiftMovesCodesAlongADirection) {
  ASSERT_EQ(call("sample", "--output plain --count 3 --save-codes z.npy").code, 0);
  // The direction that leads from the first code to the second.
  std::vector<double> codes = numbers("z.npy", {3, 8});
  const std::vector<int64_t> shape = {2, 8};
  std::string file = core::npy_header("<f8", shape);
  std::vector<double> directions(16);
  for (size_t i = 0; i < 8; ++i) directions[8 + i] = (codes[8 + i] - codes[i]) / 2;
  file.append(reinterpret_cast<const char*>(directions.data()), 16 * sizeof(double));
  test::write_file(folder_ / "d.npy", file);
  const std::string way = " --direction d.npy --row 1 --amount 2 --codes z.npy ";
  ASSERT_EQ(on_two_ranks("shift", "--output moved" + way).code, 0);
  for (const char* name : {"00000000.png", "00000001.png", "00000002.png"}) {
    EXPECT_EQ(image(std::string("moved/images/") + name).pixels,
              image(std::string("plain/") + name).pixels);
    for (const uint8_t value : image(std::string("moved/masks/") + name).pixels) {
      EXPECT_TRUE(value == 0 || value == 255);
    }
  }
  // Codes are float32, and their difference rounds: a level at most.
  EXPECT_THAT(image("moved/moved/00000000.png").pixels,
              ::testing::Pointwise(::testing::DoubleNear(1), image("plain/00000001.png").pixels));
  ASSERT_EQ(call("shift", "--output bands.png" + way).code, 0);
  EXPECT_EQ(image("bands.png").width, 3 * 18 + 2);
  EXPECT_EQ(image("bands.png").height, 3 * 18 + 2);
  refuse("shift", "--output a.png --direction d.npy --row 2", "d.npy has 2 direction(s)");
  refuse("shift", "--output a.png --direction e.npy", "there are no directions at e.npy");
  refuse("shift", "--output a.png --direction d.npy --amount far", "must be a finite number");
}

TEST_F(RunCommands, WhatCannotBeDoneIsRefusedInOneLine) {
  fs::create_directories(folder_ / "empty");
  refuse("encode", "--output z.npy --images absent", "there is no folder absent");
  refuse("encode", "--output z.npy --images empty", "has no image that can be read");
  refuse("encode", "--output z.txt", "ends neither in .npy nor in .h5");
  refuse("encode", "--output z.npy --what z_mean,avepool", "a .npy file holds one array, not 2");
  refuse("encode", "--output z.npy --what mean", "--what mean: E gives no such output");
  refuse("encode", "--output absent/z.npy", "the folder of --output absent/z.npy");
  refuse("reconstruct", "--output run/config.ini", "is a file, and not a .png");
  refuse("interpolate", "--from a.png --to b.png --output c.png", "there is no image a.png");
  refuse("sample", "--output g.png --save-codes absent/z.npy",
         "the folder of --save-codes absent/z.npy");
  refuse("sample", "--output g.png --codes run/config.ini", "is no .npy array");
  for (const char* command : {"encode --output z.npy", "reconstruct --output p.png"}) {
    test::expect_one_line(
        test::run_command(folder_, in_folder() + test::program("bbg_dist") + " " + command +
                                       " --config " + test::shell_word(folder_ / "run/config.ini") +
                                       " --model.system gan"),
        2, "error: ", "model.system = gan has no encoder");
  }
}

TEST_F(RunCommands, OfAConditionalModelRefuseImagesWithoutLabels) {
  ASSERT_EQ(test::run_command(folder_, test::program("data_prep") + " shard --size 32 --input " +
                                           test::shell_word(*data_ / "images") + " --labels " +
                                           test::shell_word(*data_ / "labels") + " --output " +
                                           test::shell_word(folder_ / "wide"))
                .code,
            0);
  const test::Outcome trained =
      train(1, "classes",
            "--model.block residual --model.resolution 32 --model.g-condition class "
            "--model.num-classes 4 --model.g-embedding 4 --model.d-norm sn --run.steps 1 "
            "--eval.probe-train 64 --data.shards " +
                test::shell_word(folder_ / "wide"));
  ASSERT_EQ(trained.code, 0) << trained.err;
  ASSERT_EQ(call("sample", "--output files --count 2").code, 0);
  for (const char* command : {"reconstruct --output p.png", "score --output s.csv"}) {
    test::expect_one_line(
        test::run_command(folder_, in_folder() + test::program("bbg_dist") + " " + command +
                                       " --images files --config classes/config.ini"),
        2, "error: ", "the model is conditional, and 00000000.png has no label");
  }
}

}  // namespace
}  // namespace bbg
