#pragma once
// Turns images by exchanging rows and columns, so that columns lie one behind the other. Pure
// functions.

#include <cstdint>
#include <span>

namespace bbg::image {

// Rows are turned by so many together, or by several times as many.
inline constexpr int64_t kTurnRows = 16;

// columns[rows.size() * i + y] = byte i of row y, for i < bytes; row y begins at rows[y].
void rows_to_columns(std::span<const uint8_t* const> rows, int64_t bytes, uint8_t* columns);

// The inverse, for `count` rows; row y begins at rows + y * stride.
void columns_to_rows(const uint8_t* columns, int64_t count, int64_t bytes, uint8_t* rows,
                     int64_t stride);

}  // namespace bbg::image
