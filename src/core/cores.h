#pragma once
// The processor cores that this process may run on.

#include <vector>

namespace bbg::core {

// Their numbers: those that it is bound to (taskset, Slurm, mpirun), or all. At least one.
std::vector<int> own_cores();

}  // namespace bbg::core
