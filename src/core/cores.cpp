#include "core/cores.h"

#include <sched.h>

#include <algorithm>
#include <thread>

namespace bbg::core {

std::vector<int> own_cores() {
  std::vector<int> cores;
  // Larger machines than a cpu_set_t has room for need a set of their own size.
  for (int room = CPU_SETSIZE; room <= 1 << 20; room *= 2) {
    cpu_set_t* bound = CPU_ALLOC(static_cast<size_t>(room));
    const size_t bytes = CPU_ALLOC_SIZE(static_cast<size_t>(room));
    CPU_ZERO_S(bytes, bound);
    if (::sched_getaffinity(0, bytes, bound) == 0) {
      for (int core = 0; core < room; ++core) {
        if (CPU_ISSET_S(static_cast<size_t>(core), bytes, bound)) cores.push_back(core);
      }
    }
    CPU_FREE(bound);
    if (!cores.empty()) return cores;
  }
  const int online = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  for (int core = 0; core < online; ++core) cores.push_back(core);
  return cores;
}

}  // namespace bbg::core
