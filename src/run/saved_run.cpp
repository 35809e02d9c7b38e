#include "run/saved_run.h"

#include "comm/make_communicator.h"
#include "comm/self_communicator.h"
#include "core/file_system.h"
#include "run/device.h"
#include "run/opening.h"
#include "run/run_on_all_ranks.h"

namespace bbg::run {

SavedRun::SavedRun(const RunConfig& config, const std::string& checkpoint,
                   const std::string& command, comm::Communicator& control, const core::Log& log)
    : config_(config),
      control_(control),
      log_(log),
      progress_([] {}, measure::voice_of(control.rank(), log)) {
  run_on_all_ranks(control, [&] {
    const auto files = core::make_posix_file_system();
    saved_.emplace(load_networks(config, checkpoint, command, *files, log));
  });
  tensor_options_ = take_place(config.compute, control);
  if (control.size() == 1) {
    data_plane_ = std::make_unique<comm::SelfCommunicator>();
  } else {
    data_plane_ = comm::make_data_plane(config.comm, tensor_options_.device(), control);
  }
  comm::Communicator& ranks = data_plane_ ? *data_plane_ : control;
  ops_ = ops::make_ops(tensor_options_.device());
  context_.emplace(measure::Context{config.measuring(), ranks, *ops_, tensor_options_, progress_});
  networks_.emplace(*saved_, config, context_->backend());
}

void SavedRun::open_extractors() {
  extractors_ = run::open_extractors(config_, tensor_options_.device(), control_);
  context_->extractors = &extractors_;
}

void SavedRun::make_statistics() {
  RunData data = open_data_of(config_, *saved_);
  if (!control_.agree(data.train.has_value()) && data.train) {
    data.train.reset();
    data.problem = "another rank cannot read the data of the run";
  }
  const measure::Subject nets = subject();
  run::make_statistics(*context_, &nets.generator, nets.encoder, data, log_);
}

}  // namespace bbg::run
