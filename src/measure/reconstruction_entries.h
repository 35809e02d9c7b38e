#pragma once
// Reconstructions and round trips, for the table.

#include "measure/table.h"

namespace bbg::measure {

// Appends them to `measures`.
void add_reconstruction_measures(Measures& measures);

}  // namespace bbg::measure
