#pragma once
// The surroundings of every part of a measurement: options, ranks, device, progress. All of them
// outlive it.

#include "comm/communicator.h"
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

  nn::Backend backend() const { return {communicator, ops, tensor_options}; }
};

}  // namespace bbg::measure
