#include "data_prep/sources/tar_header.h"

#include <algorithm>
#include <string_view>

namespace bbg::data_prep {

namespace {

// Offset and length of the fields, <tar.h> and the manual of GNU tar.
struct Field {
  size_t begin, length;
};
constexpr Field kName = {0, 100}, kSize = {124, 12}, kChecksum = {148, 8}, kMagic = {257, 8},
                kPrefix = {345, 155};
constexpr size_t kType = 156, kSparseExtended = 482, kExtensionExtended = 504;

std::string_view view(const TarBlock& block, Field field) {
  return {reinterpret_cast<const char*>(block.data()) + field.begin, field.length};
}

std::string text(const TarBlock& block, Field field) {
  const std::string_view all = view(block, field);
  return std::string(all.substr(0, all.find('\0')));
}

// Octal digits between blanks, or, with the highest bit set, a big-endian number (GNU).
std::optional<int64_t> number(const TarBlock& block, Field field) {
  const std::string_view digits = view(block, field);
  int64_t value = 0;
  if ((block[field.begin] & 0x80) != 0) {
    if (block[field.begin] != 0x80) return std::nullopt;  // negative, or too large for any disk
    for (size_t i = 1; i < digits.size(); ++i) {
      if (value >> 54 != 0) return std::nullopt;
      value = value << 8 | static_cast<uint8_t>(digits[i]);
    }
    return value;
  }
  size_t at = std::min(digits.find_first_not_of(' '), digits.size());
  for (; at < digits.size() && digits[at] >= '0' && digits[at] <= '7'; ++at) {
    value = value << 3 | (digits[at] - '0');  // 12 digits have 36 bits
  }
  if (at < digits.size() && digits[at] != ' ' && digits[at] != '\0') return std::nullopt;
  return value;
}

// The sum of all bytes, with blanks for itself. Some old programs took bytes as signed.
bool has_right_checksum(const TarBlock& block) {
  const std::optional<int64_t> stated = number(block, kChecksum);
  int64_t sum = 0, signed_sum = 0;
  for (size_t i = 0; i < block.size(); ++i) {
    const bool is_own = i >= kChecksum.begin && i < kChecksum.begin + kChecksum.length;
    sum += is_own ? ' ' : block[i];
    signed_sum += is_own ? ' ' : static_cast<int8_t>(block[i]);
  }
  return stated && (*stated == sum || *stated == signed_sum);
}

}  // namespace

bool is_zero(const TarBlock& block) {
  return std::all_of(block.begin(), block.end(), [](uint8_t byte) { return byte == 0; });
}

std::optional<TarHeader> parse_tar_header(const TarBlock& block) {
  if (!has_right_checksum(block)) return std::nullopt;
  const std::optional<int64_t> bytes = number(block, kSize);
  if (!bytes) return std::nullopt;
  TarHeader header{
      .name = text(block, kName), .type = static_cast<char>(block[kType]), .bytes = *bytes};
  // GNU's magic goes on with blanks, and its headers have times where ustar has the prefix.
  if (view(block, kMagic).starts_with(std::string_view("ustar\0", 6))) {
    const std::string prefix = text(block, kPrefix);
    if (!prefix.empty()) header.name = prefix + "/" + header.name;
  }
  if (header.type == '7') header.type = '0';
  header.has_extension = header.type == 'S' && block[kSparseExtended] != 0;
  return header;
}

bool extension_has_next(const TarBlock& block) { return block[kExtensionExtended] != 0; }

}  // namespace bbg::data_prep
