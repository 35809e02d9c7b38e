#pragma once
// Prefetching loader: background threads build this rank's slice of the coming global batches, and
// next() lends them out in order of draw. Threads share the samples of a batch. What comes out
// depends on plan and options only, never on timing.
//
// One thread calls next(); a lease may be given back by any. A wait beyond the deadline, and
// whatever a thread threw, is thrown from next(). A read that fails in a way that may pass is tried
// again (data/retry.h). The destructor ends the threads, each after the read that it is in; one
// whose read does not return within a second is left behind with a share of the files it reads, for
// no call can end it.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/loaded_batch.h"
#include "data/loader_setup.h"
#include "data/sample_source.h"

namespace bbg::data {

// Places of damaged samples that others took (data.on-corrupt = skip).
struct Replaced {
  int64_t count = 0;
  std::vector<std::string> first;  // why, of the first few
};

class Loader {
 public:
  Loader(std::shared_ptr<const SampleSource> source, const LoaderSetup& setup);
  ~Loader();

  Lease next();

  double waited_seconds() const;  // in next(), since the start
  Replaced replaced() const;

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with threads and leases, see above
};

}  // namespace bbg::data
