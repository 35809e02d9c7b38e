#pragma once
// The bytes of a TensorBoard event file (docs/formats.md): protobuf messages Event, encoded by
// hand, in TFRecord frames. Pure functions.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/image.h"
#include "core/values.h"

namespace bbg::report {

// CRC-32C (Castagnoli) of the bytes.
uint32_t crc32c(std::string_view bytes);

// Length, masked checksum of the length, data, masked checksum of the data.
std::string frame_record(std::string_view data);

// Serialised Event messages. wall_time: seconds since 1970.
std::string version_event(double wall_time);
// Readers drop what they know of steps >= `step`.
std::string restart_event(double wall_time, int64_t step);
std::string scalars_event(double wall_time, int64_t step, const core::Values& tags_and_values);
std::string image_event(double wall_time, int64_t step, const std::string& tag,
                        const core::Image& image, std::span<const uint8_t> png);

}  // namespace bbg::report
