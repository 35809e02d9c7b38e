#pragma once
// The number of files that this process may have open at a time. A shell often allows fewer than
// the system does, and a data set may have thousands of shards.

#include <cstdint>

namespace bbg::core {

// Enough for any data set; and no more, since Open MPI, where a process starts without mpirun,
// closes every number up to the limit one by one.
inline constexpr int64_t kEnoughOpenFiles = 65'536;

// Raises the limit to what the system allows, at most kEnoughOpenFiles. At the start of a program.
void raise_open_file_limit();

int64_t open_file_limit();

}  // namespace bbg::core
