#pragma once
// The sums of lines of blend.h by AVX-512's dot products (VNNI): four lines at once, the same
// results. Pure functions. blend.h calls them where the processor has the instructions.

#include "image/resample/blend.h"

namespace bbg::image {

// Whether this processor has the instructions. Nothing else here may be called where it has not.
bool has_vnni();

// As blend_to_bytes(); weights lie in [-2^22 - 2^21, 2^22 + 2^21].
void blend_to_bytes_vnni(const Lines& in, std::span<const Taps::Range> ranges, uint8_t* out);

}  // namespace bbg::image
