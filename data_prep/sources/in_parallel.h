#pragma once
// Many waits for a disk at once: headers of an archive lie far apart, and a network answers each
// request late.

#include <cstdint>
#include <functional>

namespace bbg::data_prep {

// Calls work(i) for i in [0, count) from up to 16 threads. Throws what the lowest i threw.
void in_parallel(int64_t count, const std::function<void(int64_t)>& work);

}  // namespace bbg::data_prep
