// bbg_bench: times a training step in parts, reductions over sizes, and the loader. Takes the
// options of bbg_dist and those of the section `bench` (--help lists them); starts alone or under
// mpirun. Rank 0 prints a table to standard error and one line of JSON to standard output.

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdio>

#include "bench/step_bench.h"
#include "bench/sweeps.h"
#include "comm/make_communicator.h"
#include "core/error.h"
#include "core/first_calls.h"
#include "run/device.h"

namespace {

using namespace bbg;

void print_table(const nlohmann::ordered_json& result) {
  if (result.contains("step_ms")) {
    std::fprintf(stderr, "step %8.1f ms (median; rounds %.1f to %.1f)\n",
                 result["median_ms"].get<double>(), result["rounds_ms"][0].get<double>(),
                 result["rounds_ms"][1].get<double>());
    for (const char* part : {"phases_ms", "within_ms"}) {
      for (const auto& [name, ms] : result[part].items()) {
        std::fprintf(stderr, "%s %-10s %8.2f ms\n", part[0] == 'w' ? "  of d and ge:" : " ",
                     name.c_str(), ms.get<double>());
      }
    }
    return;
  }
  const auto& lines = result.contains("sizes") ? result["sizes"] : result["of_each_rank"];
  for (const auto& line : lines) {
    for (const auto& [name, value] : line.items()) {
      std::fprintf(stderr, "  %s %.4g", name.c_str(), value.get<double>());
    }
    std::fprintf(stderr, "\n");
  }
}

int run_bench(const std::vector<std::string>& arguments, comm::Communicator& control) {
  run::RunConfig config;
  bench::BenchOptions options;
  options.declare(config.table);
  if (std::find(arguments.begin(), arguments.end(), "--help") != arguments.end()) {
    if (control.rank() == 0) std::printf("%s", config.table.help_text().c_str());
    return core::kExitSuccess;
  }
  config.parse(arguments);
  config.data.rank_batch(control.size());  // a UsageError where it cannot be divided
  const at::TensorOptions tensor_options = run::take_place(config.compute, control);
  const at::Device device = tensor_options.device();
  if (options.exchange == "reducer") {
    if (config.train.accumulate > 1) {
      throw core::UsageError("bench.exchange = reducer averages the gradients of every portion",
                             "set train.accumulate = 1");
    }
    config.train.cuda_graphs = train::CudaGraphs::kOff;  // the reducer's work cannot be recorded
  }
  const auto data_plane = comm::make_data_plane(config.comm, device, control);
  comm::Communicator& communicator = data_plane ? *data_plane : control;
  if (!options.write_start.empty()) {
    bench::write_start(config, options, communicator, tensor_options);
    return core::kExitSuccess;
  }
  nlohmann::ordered_json result =
      options.what == "step" ? bench::time_steps(config, options, communicator, tensor_options)
      : options.what == "all-reduce" ? bench::sweep_all_reduce(options, control)
                                     : bench::sweep_loader(config, options, control);
  if (options.what == "step") result["threads"] = at::get_num_threads();
  if (control.rank() == 0) {
    print_table(result);
    std::printf("%s\n", result.dump().c_str());
  }
  return core::kExitSuccess;
}

}  // namespace

int main(int argc, char** argv) {
  const bbg::comm::MpiSession session;
  bbg::core::make_first_calls();
  const auto control = bbg::comm::make_mpi_communicator({});
  try {
    return run_bench({argv + 1, argv + argc}, *control);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", bbg::core::message_of(error).c_str());
    const int code = bbg::core::exit_code_of(error);
    if (control->size() > 1) control->abort(code);
    return code;
  }
}
