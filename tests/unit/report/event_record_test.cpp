#include "report/event_record.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/unit/report/event_reader.h"

namespace bbg::report {
namespace {

std::string hex_of(const std::string& bytes) {
  std::string text;
  for (const char byte : bytes) {
    text += "0123456789abcdef"[static_cast<uint8_t>(byte) >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

const core::Image kImage{.height = 2, .width = 3, .channels = 3, .pixels = {}};
const std::string kPng = "PNG";
std::span<const uint8_t> png_bytes() {
  return {reinterpret_cast<const uint8_t*>(kPng.data()), kPng.size()};
}

// The check value of CRC-32C and the test vectors of RFC 3720, appendix B.4.
TEST(Crc32c, GivesThePublishedValues) {
  EXPECT_EQ(crc32c(""), 0u);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  std::string ascending, descending;
  for (int i = 0; i < 32; ++i) {
    ascending += static_cast<char>(i);
    descending += static_cast<char>(31 - i);
  }
  EXPECT_EQ(crc32c(ascending), 0x46dd794eu);
  EXPECT_EQ(crc32c(descending), 0x113fdb5cu);
}

// By the RecordWriter of TensorBoard 2.21.
TEST(FrameRecord, IsWhatTensorBoardWrites) {
  EXPECT_EQ(hex_of(frame_record("data")), "040000000000000042455204646174618848269e");
}

TEST(FrameRecord, FramesReadBackOneAfterTheOther) {
  const std::vector<std::string> data = {"", "a", std::string(70'000, 'x'), std::string(1, '\0')};
  std::string file;
  for (const std::string& piece : data) {
    const std::string frame = frame_record(piece);
    EXPECT_EQ(frame.size(), 8 + 4 + piece.size() + 4);
    file += frame;
  }
  EXPECT_EQ(test::read_frames(file), data);
}

// Serialised by protobuf from TensorBoard 2.21's event.proto.
TEST(EventRecord, MessagesAreWhatProtobufWrites) {
  EXPECT_EQ(hex_of(version_event(12.5)), "0900000000000029401a0d627261696e2e4576656e743a32");
  EXPECT_EQ(hex_of(restart_event(12.5, 8)),
            "0900000000000029401008"
            "3a020801");
  EXPECT_EQ(hex_of(scalars_event(12.5, 300, {{"train/loss_d", 1.5}, {"x", -0.25}})),
            "09000000000000294010ac02"
            "2a1f0a130a0c747261696e2f6c6f73735f64150000c03f0a080a017815000080be");
  EXPECT_EQ(hex_of(image_event(12.5, 8, "g", kImage, png_bytes())),
            "0900000000000029401008"
            "2a120a100a0167220b0802100318032203504e47");
}

TEST(EventRecord, AVersionEventComesFirstAndNamesTheFormat) {
  const test::Event event = test::read_event(version_event(1.7e9 + 0.125));
  EXPECT_EQ(event.wall_time, 1.7e9 + 0.125);
  EXPECT_EQ(event.file_version, "brain.Event:2");
  EXPECT_TRUE(event.values.empty());
}

TEST(EventRecord, ARestartIsTheStartOfASession) {
  const test::Event event = test::read_event(restart_event(3, 501));
  EXPECT_TRUE(event.is_start);
  EXPECT_EQ(event.step, 501);
}

TEST(EventRecord, ScalarsReadBackInOrderAsFloats) {
  const core::Values values = {{"train/loss_d", 1.0 / 3},
                               {"train/loss_ge", -1e-30},
                               {"name with blank", 0},
                               {std::string(300, 'n'), 1e30}};
  for (const int64_t step :
       {int64_t{0}, int64_t{127}, int64_t{128}, int64_t{1'000'000}, int64_t{1} << 40}) {
    const test::Event event = test::read_event(scalars_event(4.5, step, values));
    EXPECT_EQ(event.wall_time, 4.5);
    EXPECT_EQ(event.step, step);
    ASSERT_EQ(event.values.size(), values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      EXPECT_FALSE(event.values[i].is_image);
      EXPECT_EQ(event.values[i].tag, values[i].first);
      EXPECT_EQ(event.values[i].number, static_cast<float>(values[i].second));
    }
  }
}

TEST(EventRecord, WhatIsNotFiniteStaysSo) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto values =
      test::read_event(scalars_event(0, 1, {{"a", NAN}, {"b", kInfinity}, {"c", -kInfinity}}))
          .values;
  ASSERT_EQ(values.size(), 3u);
  EXPECT_TRUE(std::isnan(values[0].number));
  EXPECT_EQ(values[1].number, kInfinity);
  EXPECT_EQ(values[2].number, -kInfinity);
}

TEST(EventRecord, AnImageHasItsSizeAndChannelsAndFile) {
  const test::Event event =
      test::read_event(image_event(2, 9, "grids/samples", kImage, png_bytes()));
  EXPECT_EQ(event.step, 9);
  ASSERT_EQ(event.values.size(), 1u);
  EXPECT_TRUE(event.values[0].is_image);
  EXPECT_EQ(event.values[0].tag, "grids/samples");
  EXPECT_EQ(event.values[0].height, 2);
  EXPECT_EQ(event.values[0].width, 3);
  EXPECT_EQ(event.values[0].colorspace, 3);
  EXPECT_EQ(event.values[0].png, kPng);
}

}  // namespace
}  // namespace bbg::report
