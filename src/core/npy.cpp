#include "core/npy.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "core/error.h"

namespace bbg::core {

namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

[[noreturn]] void refuse(const std::string& name, const std::string& why) {
  throw UsageError(name + " is no .npy array that can be read: " + why,
                   "write it with numpy.save(path, numpy.ascontiguousarray(array))");
}

// The text between `begin`, after the key's colon, and `end`; none where the key is absent.
std::optional<std::string_view> field(std::string_view header, std::string_view key,
                                      std::string_view begin, std::string_view end) {
  const size_t at = header.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  const size_t first = header.find(begin, at + key.size());
  if (first == std::string_view::npos) return std::nullopt;
  const size_t last = header.find(end, first + begin.size());
  if (last == std::string_view::npos) return std::nullopt;
  return header.substr(first + begin.size(), last - first - begin.size());
}

// "3, 4" or "3," or "".
std::vector<int64_t> read_shape(std::string_view text, const std::string& name) {
  std::vector<int64_t> shape;
  for (size_t at = 0; at < text.size();) {
    if (text[at] == ' ' || text[at] == ',') {
      ++at;
      continue;
    }
    int64_t side = 0;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), side);
    if (error != std::errc() || side < 0) refuse(name, "its shape is no list of numbers");
    shape.push_back(side);
    at = static_cast<size_t>(end - text.data());
  }
  return shape;
}

int64_t bytes_of(const std::string& type) {
  if (type == "<f8" || type == "<i8") return 8;
  if (type == "<f4" || type == "<i4") return 4;
  return type == "|u1" ? 1 : 0;
}

// The header's length field ends where the header starts.
std::string_view header_of(std::string_view content, const std::string& name) {
  if (!content.starts_with(kMagic) || content.size() < 12) refuse(name, "it does not begin as one");
  const int version = static_cast<unsigned char>(content[6]);
  if (version != 1 && version != 2) refuse(name, "version " + std::to_string(version));
  const size_t start = version == 1 ? 10 : 12;
  size_t length = 0;
  for (size_t i = start; i-- > 8;) length = length << 8 | static_cast<unsigned char>(content[i]);
  if (content.size() - start < length) refuse(name, "it is truncated");
  return content.substr(start, length);
}

}  // namespace

int64_t NpyArray::count() const {
  if (std::count(shape.begin(), shape.end(), 0) > 0) return 0;
  int64_t count = 1;
  for (const int64_t side : shape) count *= side;
  return count;
}

std::vector<double> NpyArray::doubles(const std::string& name) const {
  std::vector<double> values(static_cast<size_t>(count()));
  if (type == "<f8") {
    std::memcpy(values.data(), bytes.data(), bytes.size());
  } else if (type == "<f4") {
    for (size_t i = 0; i < values.size(); ++i) {
      float value = 0;
      std::memcpy(&value, bytes.data() + i * sizeof(float), sizeof(float));
      values[i] = value;
    }
  } else {
    refuse(name, "its type is " + type + ", not float32 or float64");
  }
  return values;
}

std::string npy_header(const std::string& type, std::span<const int64_t> shape) {
  std::string sides;
  for (const int64_t side : shape) sides += (sides.empty() ? "" : " ") + std::to_string(side) + ",";
  if (shape.size() > 1) sides.pop_back();
  std::string header =
      "{'descr': '" + type + "', 'fortran_order': False, 'shape': (" + sides + "), }";
  const size_t start = kMagic.size() + 4;
  header.append((64 - (start + header.size() + 1) % 64) % 64, ' ');
  header += '\n';
  std::string content(kMagic);
  content += {'\x01', '\x00', static_cast<char>(header.size() & 0xff),
              static_cast<char>(header.size() >> 8)};
  return content + header;
}

NpyArray parse_npy(std::string_view content, const std::string& name) {
  const std::string_view header = header_of(content, name);
  const auto type = field(header, "'descr'", "'", "'");
  const auto order = field(header, "'fortran_order'", ": ", ",");
  const auto sides = field(header, "'shape'", "(", ")");
  if (!type || !order || !sides) refuse(name, "its header lacks a field");
  NpyArray array{.type = std::string(*type), .shape = read_shape(*sides, name), .bytes = {}};
  if (*order != "False" && array.shape.size() > 1) refuse(name, "it is stored columns first");
  const int64_t width = bytes_of(array.type);
  if (width == 0) refuse(name, "its type is " + array.type);
  array.bytes = content.substr(static_cast<size_t>(header.data() - content.data()) + header.size());
  // Sides are compared one by one: their product may not fit.
  auto left = static_cast<int64_t>(array.bytes.size()) / width;
  for (const int64_t side : array.shape) left = side == 0 ? 0 : left / side;
  const bool is_empty = std::count(array.shape.begin(), array.shape.end(), 0) > 0;
  if (left == 0 && !is_empty) refuse(name, "it is truncated");
  array.bytes = array.bytes.substr(0, static_cast<size_t>(array.count() * width));
  return array;
}

}  // namespace bbg::core
