#include "cli/job.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "comm/end_job.h"
#include "comm/self_communicator.h"
#include "core/error.h"
#include "core/first_calls.h"
#include "core/standard_output.h"

namespace bbg::cli {

void Job::start_mpi() {
  session_.emplace();
  control_ = comm::make_mpi_communicator({});
}

void Job::be_alone() {
  core::make_first_calls();
  control_ = std::make_unique<comm::SelfCommunicator>();
}

void Job::use_config() {
  if (!session_) return;
  config.comm.dump_folder = config.run.output;
  own_ = comm::make_mpi_communicator(config.comm);
}

comm::Communicator& Job::ranks() {
  BBG_CHECK(control_ != nullptr, "the ranks are known");
  return own_ ? *own_ : *control_;
}

core::Log Job::log() const {
  if (!control_) return core::Log(0, 1, true);
  return core::Log(control_->rank(), control_->size(), control_->rank() == 0);
}

void Job::say_note(const core::Log& log) const {
  if (!config.note.empty()) log.info(config.note);
}

void Job::work_alone(const std::function<Facts(comm::Communicator& alone, const core::Log&)>& work,
                     bool is_json, const std::function<std::string(const Facts&)>& text) const {
  const core::Log own_log = log();
  say_note(own_log);
  comm::SelfCommunicator alone;
  const Facts facts = work(alone, own_log);
  core::print(is_json ? facts.dump(2) + "\n" : text(facts));
}

int Job::fail(const std::exception& error) {
  if (control_ && ranks().size() > 1) comm::end_job(ranks(), error);
  std::fprintf(stderr, "error: %s\n", core::message_of(error).c_str());
  return core::exit_code_of(error);
}

}  // namespace bbg::cli
