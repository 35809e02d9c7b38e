#pragma once
// Turns images by exchanging rows and columns, so that columns lie one behind the other. Pure
// functions.

#include <cstdint>

namespace bbg::image {

// So many rows are turned together.
inline constexpr int64_t kTurnRows = 32;

// columns[kTurnRows * i + y] = byte i of row y, for i < bytes; row y begins at rows[y].
void rows_to_columns(const uint8_t* const (&rows)[kTurnRows], int64_t bytes, uint8_t* columns);

// The inverse; row y begins at rows + y * stride.
void columns_to_rows(const uint8_t* columns, int64_t bytes, uint8_t* rows, int64_t stride);

}  // namespace bbg::image
