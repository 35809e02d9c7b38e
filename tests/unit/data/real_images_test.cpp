// Real photographs and digits, against facts known from elsewhere. They are not part of the
// project: BBG_TEST_DATA names the folder that has them.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>

#include "data_prep/sources/open_source.h"
#include "tests/support/decode_image.h"
#include "tests/support/temporary_folder.h"

namespace bbg::data {
namespace {

namespace fs = std::filesystem;

std::string test_data() {
  const char* path = std::getenv("BBG_TEST_DATA");
  return path == nullptr ? "" : path;
}

#define BBG_NEEDS_TEST_DATA(file)                                       \
  if (test_data().empty() || !fs::exists(test_data() + "/" + (file))) { \
    GTEST_SKIP() << "BBG_TEST_DATA names no folder with " << (file);    \
  }

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

// The manifest states the mean of each colour as Pillow decodes the file, to 4 digits. Both use
// libjpeg-turbo's exact integer transform and smooth upsampling, so the pixels are the same and
// half a unit of the last digit, 5e-5, is left.
TEST(RealImages, ImageNetPhotographsHaveTheMeansThatPillowFinds) {
  const std::string archive = "imagenet-samples/imagenet-samples.tar";
  BBG_NEEDS_TEST_DATA(archive);
  const test::TemporaryFolder folder;
  const std::string command =
      "tar -xf '" + test_data() + "/" + archive + "' -C '" + folder.path() + "'";
  ASSERT_EQ(std::system(command.c_str()), 0);
  const std::string root = folder / "imagenet-samples";
  const auto lines = split(test::read_file(test_data() + "/imagenet-samples/manifest.tsv"), '\n');
  std::map<std::string, size_t> column;
  const auto head = split(lines[0], '\t');
  for (size_t i = 0; i < head.size(); ++i) column[head[i]] = i;
  int files = 0;
  for (size_t i = 1; i < lines.size(); ++i) {
    const auto row = split(lines[i], '\t');
    const std::string bytes = test::read_file(root + "/" + row[column["path"]]);
    const core::Image image = test::decode_image(bytes, {}, row[0]);
    EXPECT_EQ(std::to_string(image.width), row[column["width"]]);
    EXPECT_EQ(std::to_string(image.height), row[column["height"]]);
    std::istringstream expected(row[column["mean_rgb_pillow"]]);
    for (size_t c = 0; c < 3; ++c) {
      double sum = 0, mean = 0;
      for (size_t at = c; at < image.pixels.size(); at += 3) sum += image.pixels[at];
      expected >> mean;
      const double difference = std::abs(3 * sum / static_cast<double>(image.pixels.size()) - mean);
      EXPECT_LT(difference, 6e-5) << row[0];
    }
    ++files;
  }
  EXPECT_EQ(files, 273);
}

// Facts of the MNIST training set known from many places: 60,000 digits, so many of each, the first
// is a 5, mean of all pixels 0.1307.
TEST(RealImages, MnistReadsAsKnown) {
  BBG_NEEDS_TEST_DATA("mnist/train-images-idx3-ubyte.gz");
  const auto source =
      data_prep::open_source({.input = test_data() + "/mnist/train-images-idx3-ubyte.gz",
                              .labels = test_data() + "/mnist/train-labels-idx1-ubyte.gz"});
  data_prep::Content content;
  ASSERT_EQ(source->size(), 60000);
  ASSERT_EQ(source->class_names().size(), 10u);
  std::vector<int> counts(10);
  double sum = 0;
  for (int64_t i = 0; i < 60000; ++i) {
    source->read(i, content);
    ASSERT_EQ(content.image.pixels.size(), 784u);
    for (const uint8_t value : content.image.pixels) sum += value;
    ++counts[static_cast<size_t>(source->label(i))];
  }
  EXPECT_EQ(counts, (std::vector<int>{5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949}));
  EXPECT_EQ(source->label(0), 5);
  EXPECT_NEAR(sum / (60000.0 * 784 * 255), 0.1307, 5e-5);
}

// Facts of the CIFAR-10 test set: 1,000 images of each class; the first are a cat, two ships and an
// aeroplane; the means of R, G and B, in units of 255, as many programs state them for normalising.
TEST(RealImages, Cifar10TestSetReadsAsKnown) {
  const std::string archive = "cifar10/test.tar.xz";
  BBG_NEEDS_TEST_DATA(archive);
  const test::TemporaryFolder folder;
  const std::string command =
      "tar -xf '" + test_data() + "/" + archive + "' -C '" + folder.path() + "'";
  ASSERT_EQ(std::system(command.c_str()), 0);
  const std::string root = folder / "cifar-10-batches-bin";
  const auto source = data_prep::open_source({.input = root, .split = "test"});
  data_prep::Content content;
  ASSERT_EQ(source->size(), 10000);
  std::vector<int64_t> counts(10), sums(3), raw_sums(3);
  for (int64_t i = 0; i < 10000; ++i) {
    source->read(i, content);
    ASSERT_EQ(content.image.pixels.size(), 3072u);
    for (size_t at = 0; at < 3072; ++at) sums[at % 3] += content.image.pixels[at];
    ++counts[static_cast<size_t>(source->label(i))];
  }
  EXPECT_EQ(counts, std::vector<int64_t>(10, 1000));
  EXPECT_EQ(source->class_names(),
            (std::vector<std::string>{"airplane", "automobile", "bird", "cat", "deer", "dog",
                                      "frog", "horse", "ship", "truck"}));
  const std::vector<int64_t> first = {3, 8, 8, 0, 6, 6, 1, 6, 3, 1};
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(source->label(static_cast<int64_t>(i)), first[i]) << i;
  }
  // Half a unit of the last digit.
  EXPECT_NEAR(static_cast<double>(sums[0]) / (10000.0 * 1024 * 255), 0.49421428, 5e-9);
  EXPECT_NEAR(static_cast<double>(sums[1]) / (10000.0 * 1024 * 255), 0.48513139, 5e-9);
  EXPECT_NEAR(static_cast<double>(sums[2]) / (10000.0 * 1024 * 255), 0.45040909, 5e-9);

  const std::string bytes = test::read_file(root + "/test_batch.bin");
  for (size_t at = 0; at < bytes.size(); ++at) {
    const size_t place = at % 3073;
    if (place > 0) raw_sums[(place - 1) / 1024] += static_cast<uint8_t>(bytes[at]);
  }
  EXPECT_EQ(sums, raw_sums);
}

}  // namespace
}  // namespace bbg::data
