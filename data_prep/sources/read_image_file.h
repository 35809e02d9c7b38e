#pragma once
// Reads the file of one image whole. Thread-safe.

#include <cstdint>
#include <string>
#include <vector>

namespace bbg::data_prep {

// The file's bytes in `out`, whose memory is used again. UsageError where the fault is this file's
// (no permission, vanished), SystemError where the disk fails.
void read_image_file(const std::string& path, std::vector<uint8_t>& out);

}  // namespace bbg::data_prep
