#pragma once
// Reads TensorBoard event files for tests, written from the formats' descriptions and not from the
// code under test: TFRecord frames, protobuf's wire format, fields of event.proto and
// summary.proto. Throws std::runtime_error on anything malformed.

#include <bit>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace bbg::test {

inline void demand(bool condition, const std::string& what) {
  if (!condition) throw std::runtime_error("malformed event file: " + what);
}

template <class T>
T read_raw(std::string_view bytes, size_t at) {
  demand(at + sizeof(T) <= bytes.size(), "it ends too early");
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

// Bit by bit: the remainder of the reflected polynomial division, without a table.
inline uint32_t slow_crc32c(std::string_view bytes) {
  uint32_t crc = 0xffffffff;
  for (const char byte : bytes) {
    crc ^= static_cast<uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
  }
  return ~crc;
}

// The data of each frame: length (8 bytes), masked checksum of the length (4), data, masked
// checksum of the data (4).
inline std::vector<std::string> read_frames(std::string_view file) {
  const auto check = [&](uint32_t masked, std::string_view bytes) {
    const uint32_t rotated = masked - 0xa282ead8;
    demand((rotated >> 17 | rotated << 15) == slow_crc32c(bytes), "wrong checksum");
  };
  std::vector<std::string> frames;
  for (size_t at = 0; at < file.size();) {
    const auto length = read_raw<uint64_t>(file, at);
    check(read_raw<uint32_t>(file, at + 8), file.substr(at, 8));
    demand(length <= file.size() - at - 12, "a frame is cut");
    const std::string_view data = file.substr(at + 12, length);
    check(read_raw<uint32_t>(file, at + 12 + length), data);
    frames.emplace_back(data);
    at += 16 + length;
  }
  return frames;
}

struct WireField {
  uint64_t number = 0, type = 0;
  uint64_t bits = 0;  // a number's, whatever its type
  std::string bytes;
};

inline std::vector<WireField> read_message(std::string_view data) {
  size_t at = 0;
  const auto varint = [&] {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = read_raw<uint8_t>(data, at++);
      demand(shift < 64, "a varint is too long");
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  std::vector<WireField> fields;
  while (at < data.size()) {
    const uint64_t key = varint();
    WireField field{.number = key >> 3, .type = key & 7, .bits = 0, .bytes = {}};
    if (field.type == 0) {
      field.bits = varint();
    } else if (field.type == 1) {
      field.bits = read_raw<uint64_t>(data, at);
      at += 8;
    } else if (field.type == 5) {
      field.bits = read_raw<uint32_t>(data, at);
      at += 4;
    } else {
      demand(field.type == 2, "unknown wire type");
      const uint64_t length = varint();
      demand(length <= data.size() - at, "a field is cut");
      field.bytes = data.substr(at, length);
      at += length;
    }
    fields.push_back(field);
  }
  return fields;
}

struct Event {
  struct Value {
    std::string tag;
    bool is_image = false;
    float number = 0;
    int64_t height = 0, width = 0, colorspace = 0;
    std::string png;
  };
  double wall_time = -1;
  int64_t step = 0;
  std::string file_version;
  bool is_start = false;  // the start of a session
  std::vector<Value> values;
};

inline Event::Value read_value(std::string_view data) {
  Event::Value value;
  for (const WireField& field : read_message(data)) {
    if (field.number == 1 && field.type == 2) {
      value.tag = field.bytes;
    } else if (field.number == 2 && field.type == 5) {
      value.number = std::bit_cast<float>(static_cast<uint32_t>(field.bits));
    } else {
      demand(field.number == 4 && field.type == 2, "unknown field of a value");
      value.is_image = true;
      for (const WireField& part : read_message(field.bytes)) {
        demand(part.type == (part.number == 4 ? 2u : 0u), "wrong wire type in an image");
        const auto number = static_cast<int64_t>(part.bits);
        if (part.number == 1) value.height = number;
        if (part.number == 2) value.width = number;
        if (part.number == 3) value.colorspace = number;
        if (part.number == 4) value.png = part.bytes;
      }
    }
  }
  return value;
}

inline Event read_event(std::string_view data) {
  Event event;
  for (const WireField& field : read_message(data)) {
    if (field.number == 1 && field.type == 1) {
      event.wall_time = std::bit_cast<double>(field.bits);
    } else if (field.number == 2 && field.type == 0) {
      event.step = static_cast<int64_t>(field.bits);
    } else if (field.number == 3 && field.type == 2) {
      event.file_version = field.bytes;
    } else if (field.number == 5 && field.type == 2) {
      for (const WireField& part : read_message(field.bytes)) {
        demand(part.number == 1 && part.type == 2, "unknown field of a summary");
        event.values.push_back(read_value(part.bytes));
      }
    } else {
      demand(field.number == 7 && field.type == 2, "unknown field of an event");
      for (const WireField& part : read_message(field.bytes)) {
        event.is_start |= part.number == 1 && part.type == 0 && part.bits == 1;
      }
    }
  }
  return event;
}

inline std::vector<Event> read_events(std::string_view file) {
  std::vector<Event> events;
  for (const std::string& frame : read_frames(file)) events.push_back(read_event(frame));
  return events;
}

}  // namespace bbg::test
