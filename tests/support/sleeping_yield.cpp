// Open MPI 4 polls while a rank waits, and between two looks it gives up its turn. Where ranks
// outnumber cores, those that wait so take most of the time of those that work; with this one in
// the program they sleep.
#include <time.h>

extern "C" int sched_yield() noexcept {
  const timespec pause{.tv_sec = 0, .tv_nsec = 50'000};
  nanosleep(&pause, nullptr);
  return 0;
}
