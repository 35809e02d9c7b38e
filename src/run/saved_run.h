#pragma once
// A trained run as commands use it: the networks of a checkpoint on all ranks of a job, each on its
// device, with statistics of batch norm. All calls are collectives.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "core/log.h"
#include "measure/context.h"
#include "measure/evaluation_progress.h"
#include "ops/ops.h"
#include "run/run_config.h"
#include "run/saved_networks.h"
#include "run/saved_statistics.h"

namespace bbg::run {

class SavedRun {
 public:
  // `checkpoint` as load_networks() takes it; `command` is for messages. References outlive this
  // object. JobEnd on all ranks where a rank finds something wrong.
  SavedRun(const RunConfig& config, const std::string& checkpoint, const std::string& command,
           comm::Communicator& control, const core::Log& log);

  // Reads the networks of others that options name into the context.
  void open_extractors();
  // Gives G and E their statistics, by the data of the run if it is at hand.
  void make_statistics();

  const RunConfig& config() const { return config_; }
  comm::Communicator& control() const { return control_; }
  const core::Log& log() const { return log_; }
  const measure::Context& context() const { return *context_; }
  const SavedNetworks& saved() const { return *saved_; }
  const SavedSubject& networks() const { return *networks_; }
  measure::Subject subject() const { return networks_->subject(); }

 private:
  const RunConfig& config_;
  comm::Communicator& control_;
  const core::Log& log_;
  at::TensorOptions tensor_options_;
  std::unique_ptr<comm::Communicator> data_plane_;  // null: control serves
  std::unique_ptr<ops::Ops> ops_;
  extractor::Extractors extractors_;
  measure::EvaluationProgress progress_;
  std::optional<measure::Context> context_;
  std::optional<SavedNetworks> saved_;
  std::optional<SavedSubject> networks_;
};

}  // namespace bbg::run
