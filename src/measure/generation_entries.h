#pragma once
// The measures of what G makes, for the table: the same five in the features of each network.

#include "measure/table.h"

namespace bbg::measure {

// Appends them to `measures`.
void add_generation_measures(Measures& measures);

}  // namespace bbg::measure
