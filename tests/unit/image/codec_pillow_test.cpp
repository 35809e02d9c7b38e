// Decoder against Pillow, which decodes the same files as the test runs.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <sstream>

#include "image/codec/codec.h"
#include "tests/support/decode_image.h"
#include "tests/support/program.h"
#include "tests/unit/image/codec_files.h"
#include "tests/unit/image/codec_window.h"

namespace bbg::image {
namespace {

namespace fs = std::filesystem;

// Empty, or why Pillow cannot be asked.
std::string no_pillow() {
  const char* python = std::getenv("BBG_PYTHON");
  if (python == nullptr || *python == '\0') {
    return "BBG_PYTHON names no Python (launch/setup --with-tests installs one)";
  }
  const std::string probe = test::shell_word(python) + " -c 'import PIL, numpy' 2>/dev/null";
  return std::system(probe.c_str()) == 0 ? "" : "the Python of BBG_PYTHON has no Pillow";
}

test::Outcome ask_pillow(const test::TemporaryFolder& folder, const std::string& arguments) {
  return test::run_command(folder, test::shell_word(std::getenv("BBG_PYTHON")) + " -B -W ignore " +
                                       test::shell_word(std::string(BBG_SOURCE_DIR) +
                                                        "/tests/unit/image/codec_reference.py") +
                                       " " + arguments);
}

struct Case {
  std::string name;
  int64_t width, height;
  std::string alpha, exif, cmyk;
  DecodeOptions options(int64_t channels) const {
    return {.channels = channels,
            .alpha = alpha == "white" ? Alpha::kWhite : Alpha::kDrop,
            .exif = exif == "apply" ? Exif::kApply : Exif::kIgnore,
            .cmyk = cmyk == "ink" ? Cmyk::kInk : Cmyk::kAsPillow};
  }
};

void expect_like_pillow(const test::TemporaryFolder& folder, const Case& item, int64_t channels) {
  SCOPED_TRACE(item.name + " with channels " + std::to_string(channels));
  const std::string bytes = test::read_file(folder / (item.name + ".file"));
  const std::string expected =
      test::read_file(folder / (item.name + (channels == 1 ? ".grey" : ".rgb")));
  Decoder decoder(item.options(channels));
  const ImageSize size = decoder.size(test::bytes_of(bytes), item.name);
  EXPECT_EQ(size, (ImageSize{item.height, item.width}));
  std::vector<uint8_t> memory;
  const core::Image image = copy(decoder.decode(test::bytes_of(bytes), item.name, memory));
  EXPECT_EQ(image.height, item.height);
  EXPECT_EQ(image.width, item.width);
  EXPECT_EQ(image.channels, channels);
  // libjpeg-turbo 2 and 3 smooth an unfinished file a little differently: by 3 steps at most.
  const int tolerance = item.name == "jpeg-unfinished" ? 3 : 0;
  EXPECT_TRUE(std::equal(
      image.pixels.begin(), image.pixels.end(), expected.begin(), expected.end(),
      [&](uint8_t a, char b) { return std::abs(a - static_cast<uint8_t>(b)) <= tolerance; }));
  expect_windows_equal_parts(decoder, test::bytes_of(bytes), image, 30);
}

TEST(CodecLikePillow, EveryKindOfFileAndEveryWindowOfIt) {
  if (const std::string reason = no_pillow(); !reason.empty()) GTEST_SKIP() << reason;
  const test::TemporaryFolder folder;
  for (const auto& [name, file] : files_beyond_pillow()) {
    test::write_file(folder / (name + ".file"), file);
  }
  const test::Outcome outcome = ask_pillow(folder, test::shell_word(folder.path()));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  std::istringstream index(test::read_file(folder / "index"));
  int cases = 0;
  for (Case item;
       index >> item.name >> item.width >> item.height >> item.alpha >> item.exif >> item.cmyk;
       ++cases) {
    for (const int64_t channels : {1, 3}) expect_like_pillow(folder, item, channels);
  }
  EXPECT_GT(cases, 150);
}

TEST(CodecLikePillow, ImageNetPhotographsAndWindowsOfThem) {
  if (const std::string reason = no_pillow(); !reason.empty()) GTEST_SKIP() << reason;
  const char* data = std::getenv("BBG_TEST_DATA");
  const std::string archive =
      data == nullptr ? "" : data + std::string("/imagenet-samples/imagenet-samples.tar");
  if (!fs::exists(archive)) GTEST_SKIP() << "BBG_TEST_DATA names no folder with imagenet-samples";
  const test::TemporaryFolder folder;
  ASSERT_EQ(std::system(("tar -xf '" + archive + "' -C '" + folder.path() + "'").c_str()), 0);
  std::vector<std::string> paths;
  std::string words;
  for (const auto& entry : fs::recursive_directory_iterator(folder / "imagenet-samples")) {
    if (entry.path().extension() != ".JPEG") continue;
    paths.push_back(entry.path());
    words += " " + test::shell_word(paths.back());
  }
  EXPECT_EQ(paths.size(), 273u);
  const test::Outcome outcome = ask_pillow(folder, "--sums" + words);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  std::istringstream sums(outcome.out);
  Decoder colour({.channels = 3}), grey({.channels = 1});
  std::vector<uint8_t> memory;
  for (const std::string& path : paths) {
    const std::string bytes = test::read_file(path);
    for (Decoder* decoder : {&colour, &grey}) {
      uint64_t sum = 0;
      ASSERT_TRUE(sums >> sum);
      const core::Image image = copy(decoder->decode(test::bytes_of(bytes), path, memory));
      EXPECT_EQ(crc32(0, image.pixels.data(), static_cast<uInt>(image.pixels.size())), sum) << path;
    }
    const auto expect_windows = [&](Decoder& decoder, int count) {
      const core::Image whole = copy(decoder.decode(test::bytes_of(bytes), path, memory));
      expect_windows_equal_parts(decoder, test::bytes_of(bytes), whole, count);
    };
    expect_windows(grey, 3);
    expect_windows(colour, 8);
  }
}

}  // namespace
}  // namespace bbg::image
