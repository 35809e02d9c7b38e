#pragma once
// PNG files of 8-bit grey or RGB images. The same image always gives the same bytes.

#include <cstdint>
#include <string>
#include <vector>

#include "core/file_system.h"
#include "core/image.h"

namespace bbg::report {

std::vector<uint8_t> encode_png(const core::Image& image);
// The whole file or none; durable when it returns.
void write_png(core::FileSystem& files, const std::string& path, const core::Image& image);

}  // namespace bbg::report
