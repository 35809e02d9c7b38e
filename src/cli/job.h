#pragma once
// This process as part of a job: the options of the run, and the ranks once MPI has started. One
// lives in main, longer than what refers to it. Single-threaded.

#include <exception>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "comm/communicator.h"
#include "comm/make_communicator.h"
#include "core/log.h"
#include "run/run_config.h"

namespace bbg::cli {

class Job {
 public:
  run::RunConfig config;

  // Starts MPI, with the default deadline: options are read over the communicator that this makes.
  void start_mpi();
  // Instead: this process is all there is.
  void be_alone();
  // From here the ranks that MPI started have the deadline and the folder of `config`.
  void use_config();
  // The newest communicator, after start_mpi() or be_alone().
  comm::Communicator& ranks();

  // The log of this process.
  core::Log log() const;
  // Says what reading the options decided for the user.
  void say_note(const core::Log& log) const;
  // Runs `work` on this process alone and prints the facts that it gives, as JSON or as `text` puts
  // them for people.
  using Facts = nlohmann::ordered_json;
  void work_alone(const std::function<Facts(comm::Communicator& alone, const core::Log&)>& work,
                  bool is_json, const std::function<std::string(const Facts&)>& text) const;
  // Says what failed, and gives the exit code. Several ranks may wait in a collective for this one,
  // and are told by the end of the job.
  int fail(const std::exception& error);

 private:
  std::optional<comm::MpiSession> session_;
  std::unique_ptr<comm::Communicator> control_, own_;
};

}  // namespace bbg::cli
