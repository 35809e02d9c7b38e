#pragma once
// One header block of a tar archive: the old layout of Unix version 7, ustar (POSIX.1-1988) and
// GNU's. Pure functions.

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace bbg::data_prep {

inline constexpr int64_t kTarBlock = 512;
using TarBlock = std::array<uint8_t, kTarBlock>;

struct TarHeader {
  std::string name;  // with ustar's prefix
  char type = '0';   // '0': a file; '\0': the same in the old layout, or a folder
  int64_t bytes = 0;
  bool has_extension = false;  // GNU's sparse files: a block with more of the map follows
};

bool is_zero(const TarBlock& block);
// None where the checksum or a number is wrong: then it is no header.
std::optional<TarHeader> parse_tar_header(const TarBlock& block);
// Whether the block that follows a sparse file's header, or another such block, has a successor.
bool extension_has_next(const TarBlock& block);

}  // namespace bbg::data_prep
