#include "report/event_record.h"

#include <array>
#include <bit>

namespace bbg::report {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

namespace {

// Reflected Castagnoli polynomial.
constexpr uint32_t kPolynomial = 0x82f63b78;

constexpr std::array<uint32_t, 256> kTable = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? kPolynomial : 0);
    table[i] = value;
  }
  return table;
}();

// A checksum of data that contain checksums is weak, so the format rotates and shifts them.
uint32_t masked_crc32c(std::string_view bytes) { return std::rotr(crc32c(bytes), 15) + 0xa282ead8; }

template <class T>
std::string raw(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

// Protobuf wire format: a field is its number and wire type as a varint, then the value.
enum class WireType : uint64_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

std::string key(uint64_t number, WireType type) {
  return varint(number << 3 | static_cast<uint64_t>(type));
}

std::string integer_field(uint64_t number, int64_t value) {
  return key(number, WireType::kVarint) + varint(static_cast<uint64_t>(value));
}
std::string double_field(uint64_t number, double value) {
  return key(number, WireType::kFixed64) + raw(value);
}
std::string float_field(uint64_t number, float value) {
  return key(number, WireType::kFixed32) + raw(value);
}
std::string bytes_field(uint64_t number, std::string_view value) {
  return key(number, WireType::kBytes) + varint(value.size()) + std::string(value);
}

// Field numbers of TensorBoard's event.proto and summary.proto.
namespace event {
constexpr uint64_t kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5, kSessionLog = 7;
}
namespace session_log {
constexpr uint64_t kStatus = 1;
constexpr int64_t kStart = 1;
}  // namespace session_log
namespace summary {
constexpr uint64_t kValue = 1;
}
namespace value {
constexpr uint64_t kTag = 1, kSimpleValue = 2, kImage = 4;
}
namespace picture {
constexpr uint64_t kHeight = 1, kWidth = 2, kColorspace = 3, kEncoded = 4;
}

std::string event_at(double wall_time, int64_t step) {
  return double_field(event::kWallTime, wall_time) + integer_field(event::kStep, step);
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  uint32_t crc = 0xffffffff;
  for (const char byte : bytes) {
    crc = kTable[(crc ^ static_cast<uint8_t>(byte)) & 0xff] ^ (crc >> 8);
  }
  return ~crc;
}

std::string frame_record(std::string_view data) {
  const std::string length = raw(static_cast<uint64_t>(data.size()));
  return length + raw(masked_crc32c(length)) + std::string(data) + raw(masked_crc32c(data));
}

std::string version_event(double wall_time) {
  return double_field(event::kWallTime, wall_time) +
         bytes_field(event::kFileVersion, "brain.Event:2");
}

std::string restart_event(double wall_time, int64_t step) {
  return event_at(wall_time, step) +
         bytes_field(event::kSessionLog, integer_field(session_log::kStatus, session_log::kStart));
}

std::string scalars_event(double wall_time, int64_t step, const core::Values& tags_and_values) {
  std::string all;
  for (const auto& [tag, number] : tags_and_values) {
    all += bytes_field(summary::kValue,
                       bytes_field(value::kTag, tag) +
                           float_field(value::kSimpleValue, static_cast<float>(number)));
  }
  return event_at(wall_time, step) + bytes_field(event::kSummary, all);
}

std::string image_event(double wall_time, int64_t step, const std::string& tag,
                        const core::Image& image, std::span<const uint8_t> png) {
  // Colour spaces there: 1 grey, 3 RGB: the number of channels.
  const std::string encoded(png.begin(), png.end());
  const std::string message =
      integer_field(picture::kHeight, image.height) + integer_field(picture::kWidth, image.width) +
      integer_field(picture::kColorspace, image.channels) + bytes_field(picture::kEncoded, encoded);
  return event_at(wall_time, step) +
         bytes_field(event::kSummary,
                     bytes_field(summary::kValue, bytes_field(value::kTag, tag) +
                                                      bytes_field(value::kImage, message)));
}

}  // namespace bbg::report
