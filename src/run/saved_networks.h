#pragma once
// Networks as a checkpoint of a run has them, for commands that use a trained run.

#include <string>
#include <unordered_map>

#include "checkpoint/store.h"
#include "core/file_system.h"
#include "core/log.h"
#include "measure/subject.h"
#include "model/nets.h"
#include "nn/named_tensors.h"
#include "nn/network.h"
#include "run/run_config.h"

namespace bbg::run {

struct SavedNetworks {
  int64_t step = 0;
  std::string path;  // the checkpoint's folder
  std::unordered_map<std::string, std::string> text;
  nn::NamedSource tensors;

  // The tensors `prefix`.* into `network`, which is then in evaluation mode. UsageError where they
  // do not fit.
  void fill(nn::Network& network, const std::string& prefix) const;
};

// The networks of a checkpoint that a run is measured by, without what trains them.
class SavedSubject {
 public:
  // The averages of G and of E, and D as trained; those that the system has.
  SavedSubject(const SavedNetworks& saved, const RunConfig& config, const nn::Backend& backend);
  measure::Subject subject() const;
  const model::Nets& nets() const { return nets_; }

 private:
  model::Nets nets_;
};

// `checkpoint` is a folder step-NNNNNNNN; empty: the newest whole one of run.output. UsageError
// where there is none, or where it is of another model than the configuration's. `command` is
// named in hints.
SavedNetworks load_networks(const RunConfig& config, const std::string& checkpoint,
                            const std::string& command, core::FileSystem& files,
                            const core::Log& log);

}  // namespace bbg::run
