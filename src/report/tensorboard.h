#pragma once
// A TensorBoard event file in `folder`: scalars train/<value> and evaluation/<group>/<name>, images
// grids/<name>. Each process writes a file of its own; a resumed run tells TensorBoard to forget
// what earlier files hold of steps after resume_step.

#include <cstdint>
#include <memory>
#include <string>

#include "report/sink.h"

namespace bbg::report {

std::unique_ptr<Sink> make_tensorboard_sink(const std::string& folder, int64_t resume_step = 0);

}  // namespace bbg::report
