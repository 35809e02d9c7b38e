#pragma once
// A place in a run: with the tensors of train::TrainState, all that a run needs to go on from there
// as if it had never stopped. Saving writes it into a checkpoint's text; resuming and going back
// read it.

#include <cstdint>
#include <map>
#include <string>

#include "run/run_config.h"

namespace bbg::run {

struct Progress {
  int64_t step = 0;  // finished ones
  // Images seen are those of `step` steps with the global batch of now, and these.
  int64_t image_offset = 0;
  int64_t bucket_bytes = 0;  // for the exchange; 0: it has no buckets
  std::string watch;         // text of train::DivergenceWatch, with the number of rollbacks

  // The entries of a checkpoint's text (docs/formats.md).
  std::map<std::string, std::string> entries() const;
  // `batch`: the global batch that the steps were made with; `config` has that of now.
  static Progress of_entries(const std::map<std::string, std::string>& entries,
                             const RunConfig& config);
};

}  // namespace bbg::run
