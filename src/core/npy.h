#pragma once
// NumPy's .npy format, version 1.0 and 2.0 (numpy/lib/format.py): one array, its type and its
// shape. Numbers are little-endian, rows first; an array that is stored columns first is refused.
// Errors: UsageError that names the file.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bbg::core {

struct NpyArray {
  std::string type;  // as NumPy writes it: "<f4", "<f8", "<i8", "|u1"
  std::vector<int64_t> shape;
  std::string_view bytes;  // the numbers, within the file's content

  int64_t count() const;  // numbers in all
  // The numbers of an array of "<f4" or "<f8".
  std::vector<double> doubles(const std::string& name) const;
};

// The start of a file, up to its numbers: padded to a multiple of 64 bytes.
std::string npy_header(const std::string& type, std::span<const int64_t> shape);
// `content` outlives the result; `name` is for messages.
NpyArray parse_npy(std::string_view content, const std::string& name);

}  // namespace bbg::core
