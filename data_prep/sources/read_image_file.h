#pragma once
// Reads the file of one image whole, or asks for it in advance. Thread-safe.

#include <cstdint>
#include <string>
#include <vector>

namespace bbg::data_prep {

// The file's bytes in `out`, whose memory is used again. UsageError where the fault is this file's
// (no permission, vanished), SystemError where the disk fails.
void read_image_file(const std::string& path, std::vector<uint8_t>& out);

// Asks the system to fetch the file. No errors.
void will_read_image_file(const std::string& path);

}  // namespace bbg::data_prep
