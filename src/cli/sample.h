#pragma once
// `bbg_dist sample`: images from a trained run's averaged G, as one grid or as files. One process.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "core/log.h"
#include "run/run_config.h"

namespace bbg::cli {

struct SampleOptions {
  std::string output;       // FILE.png: a grid; else a folder: a PNG file for each image
  std::string checkpoint;   // a folder step-NNNNNNNN; empty: the newest whole one of run.output
  int64_t count = 0;        // 0: a row of eight of each class that is asked for, else 64
  int64_t draw = 0;         // another number, other images
  int64_t label = -1;       // of conditional models; -1: a class a row in grids, drawn in files
  std::string class_names;  // the same by name, as data.shards has them; several between commas
  bool averaged = true;

  // Takes its own words, `--output FILE` and so on, out of `arguments`; those of the run stay.
  void take_from(std::vector<std::string>& arguments);
};

// eval.truncation narrows the prior; standing statistics are made for it. Gives {"output",
// "images", "step", "checkpoint"}.
nlohmann::ordered_json sample(const run::RunConfig& config, const SampleOptions& options,
                              comm::Communicator& alone, const core::Log& log);

// The same for people.
std::string sample_text(const nlohmann::ordered_json& facts);

}  // namespace bbg::cli
