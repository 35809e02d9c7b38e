#pragma once
// The measures of E's stages, for the table. They take long: `bbg_dist evaluate` takes them where
// they are named.

#include "measure/table.h"

namespace bbg::measure {

// Appends them to `measures`.
void add_layer_measures(Measures& measures);

}  // namespace bbg::measure
