#pragma once
// The start of a run: what it needs is opened and checked on all ranks before any work, and said in
// a few lines. All calls are collectives, and end the job (JobEnd) where a rank finds something
// wrong.

#include <vector>

#include "comm/communicator.h"
#include "core/log.h"
#include "extractor/open_extractor.h"
#include "measure/evaluation.h"
#include "run/data_sets.h"
#include "run/device.h"
#include "run/progress.h"
#include "run/run_config.h"
#include "train/train_state.h"

namespace bbg::run {

struct Opened {
  DataSets sets;
  std::vector<Seat> seats;  // one for each rank, as the places
  std::vector<Place> places;
};

// The data, of which the ranks have read the same, with a test image for each rank.
DataSets open_sets(const RunConfig& config, comm::Communicator& control);

// Data and places.
Opened open_run(const RunConfig& config, comm::Communicator& control);

// The networks of others that measure samples.
extractor::Extractors open_extractors(const RunConfig& config, at::Device device,
                                      comm::Communicator& control);

// The size of buckets where it is left to measurement: `kept` of the checkpoint, so that a run that
// goes on adds in the same order, or from one now.
void set_buckets(int64_t kept, train::TrainState& state, comm::Communicator& communicator,
                 at::Device device, const core::Log& log);

// Who computes where, from which step to which, and how large the networks are.
void announce(const RunConfig& config, const Opened& opened, int64_t step,
              const train::TrainState& state, comm::Communicator& control,
              const std::string& exchange, const core::Log& log);

// That the measures of labelled features fit into memory.
void check_memory_of_measures(const measure::Evaluation& evaluation, const model::Nets& nets,
                              at::Device device, comm::Communicator& control);

// That what is to be measured can be, and fits into memory; warns of what is left out.
void check_measures(const RunConfig& config, const measure::Evaluation& evaluation,
                    const model::Nets& nets, at::Device device, comm::Communicator& control,
                    const core::Log& log);

}  // namespace bbg::run
