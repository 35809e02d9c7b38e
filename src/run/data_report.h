#pragma once
// The part of a report that tells of reading data: how long the ranks waited for it, and which
// damaged samples others replaced.

#include <cstdint>
#include <optional>

#include "comm/communicator.h"
#include "core/log.h"
#include "data/data_options.h"
#include "run/batches.h"

namespace bbg::run {

class DataReport {
 public:
  explicit DataReport(data::OnCorrupt on_corrupt) : on_corrupt_(on_corrupt) {}

  struct Told {
    double seconds;                  // since the call before, of the rank that waited longest
    std::optional<double> replaced;  // over all ranks since the start; none unless they are skipped
  };
  // A collective. Warns of this rank's damaged samples where there are more than before.
  Told tell(const Batches& batches, comm::Communicator& control, const core::Log& log);

 private:
  data::OnCorrupt on_corrupt_;
  double waited_seconds_ = 0;
  int64_t replaced_ = 0;
};

}  // namespace bbg::run
