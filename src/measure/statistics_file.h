#pragma once
// Mean and covariance of a set's features in a file, so that a set is read once: NumPy's .npz with
// `mu` [d] and `sigma` [d, d], as pytorch-fid, torch-fidelity and the suites of ADM write and read
// it. Rank-local.

#include <cstdint>
#include <string>

#include "core/file_system.h"
#include "eval/frechet.h"

namespace bbg::measure {

// Numbers on the CPU. UsageError that names the file: absent, no .npz, arrays missing or of other
// shapes, numbers that are not finite.
eval::Gaussian read_statistics(core::FileSystem& files, const std::string& path);
// UsageError: the file has other than `width` features, or is not as above.
void check_statistics(core::FileSystem& files, const std::string& path, int64_t width);
// Written aside and renamed.
void write_statistics(core::FileSystem& files, const std::string& path,
                      const eval::Gaussian& statistics);

}  // namespace bbg::measure
