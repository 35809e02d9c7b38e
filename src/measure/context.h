#pragma once
// The surroundings of every part of a measurement: options, ranks, device, progress, networks. All
// of them outlive it.

#include "comm/communicator.h"
#include "extractor/open_extractor.h"
#include "measure/evaluation_progress.h"
#include "measure/setup.h"
#include "nn/backend.h"

namespace bbg::measure {

struct Context {
  Setup setup;
  comm::Communicator& communicator;
  ops::Ops& ops;
  at::TensorOptions tensor_options;
  EvaluationProgress& progress;
  // The networks that setup.extractor names; may be null where no measure is taken.
  const extractor::Extractors* extractors = nullptr;

  nn::Backend backend() const { return {communicator, ops, tensor_options}; }
};

}  // namespace bbg::measure
