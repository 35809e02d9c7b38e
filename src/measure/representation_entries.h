#pragma once
// The published protocols on features, for the table. They take longer than what a run measures at
// its end: `bbg_dist evaluate` takes them.

#include "measure/table.h"

namespace bbg::measure {

// Appends them to `measures`.
void add_representation_measures(Measures& measures);

}  // namespace bbg::measure
