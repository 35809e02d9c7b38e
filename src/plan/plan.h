#pragma once
// `bbg_dist plan`: what a configuration would build, without building it: networks are made on the
// meta device, which knows shapes and holds no values. One process, no MPI.

#include <nlohmann/json_fwd.hpp>

#include "run/run_config.h"

namespace bbg::plan {

// {"name", "system", "images": {"resolution", "channels", "classes"}, "parameters": {"G", "E", "D",
// "total"}, "discriminator": {"F", "H", ...}, "state_bytes", "probe": {"features",
// "bytes_per_class"}, "images_per_step"}
nlohmann::ordered_json plan(const run::RunConfig& config);

// The same for people.
std::string plan_text(const nlohmann::ordered_json& plan);

}  // namespace bbg::plan
