#pragma once
// The grids of a run through time, inside the page.

#include <cstdint>
#include <string>
#include <vector>

#include "core/file_system.h"
#include "report/run_record.h"

namespace bbg::report {

// Evenly spaced grids, the first and the last among them: so many that the page carries at most
// `most_bytes` of them, and at most sixty. The last is there whatever its size.
std::vector<GridFile> chosen_grids(const std::vector<GridFile>& grids, int64_t most_bytes,
                                   core::FileSystem& files);

// Samples and reconstructions, each with a slider where there are several steps; empty without.
std::string grids_html(const RunRecord& run, core::FileSystem& files);

}  // namespace bbg::report
