#pragma once
// Many images of one size as one image.

#include <cstdint>
#include <vector>

#include "core/image.h"

namespace bbg::report {

// Row by row, `columns` to a row, with `padding` white pixels around and between. Unused cells stay
// white.
core::Image make_grid(const std::vector<core::Image>& images, int64_t columns, int64_t padding);

}  // namespace bbg::report
