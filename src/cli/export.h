#pragma once
// `bbg_dist export`: networks of a checkpoint as one safetensors file for other programs
// (docs/formats.md, docs/load_in_python.md). Weights are as they act, spectral norm divided out,
// and bear the checkpoint's names. One process.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "core/log.h"
#include "run/run_config.h"

namespace bbg::cli {

struct ExportOptions {
  std::string output;      // the file
  std::string checkpoint;  // a folder step-NNNNNNNN; empty: the newest whole one of run.output
  std::string networks;    // words of G, E, D; empty: G, and E where the system has one
  bool averaged = true;    // D has no average
  bool with_example = false;

  // Takes its own words, `--output FILE` and so on, out of `arguments`; those of the run stay.
  void take_from(std::vector<std::string>& arguments);
};

// Writes the file, whole or not at all. `version` is the program's; `alone` has one rank. Gives
// {"output", "bytes", "step", "checkpoint", "networks": {"G": parameters, ...}, "weights",
// "statistics"}.
nlohmann::ordered_json export_networks(const run::RunConfig& config, const ExportOptions& options,
                                       const std::string& version, comm::Communicator& alone,
                                       const core::Log& log);

// The same for people.
std::string export_text(const nlohmann::ordered_json& facts);

}  // namespace bbg::cli
