#include "run/opening.h"

#include <algorithm>
#include <optional>

#include "comm/make_communicator.h"
#include "core/error.h"
#include "core/file_system.h"
#include "measure/memory.h"
#include "measure/statistics_file.h"
#include "run/compare_ranks.h"
#include "run/run_on_all_ranks.h"
#include "run/share_samples.h"

namespace bbg::run {

namespace {

void check_held_out(int64_t held_out, int ranks) {
  if (held_out >= ranks) return;
  throw core::UsageError("evaluation has " + std::to_string(held_out) +
                             " test images, fewer than the " + std::to_string(ranks) +
                             " ranks that share them",
                         "give data.test-shards with more images, or start fewer ranks");
}

void check_keep_best(const checkpoint::CheckpointOptions& options,
                     const std::vector<std::string>& measures) {
  if (!options.keeps_best()) return;
  const std::string& wanted = options.keep_best;
  if (std::find(measures.begin(), measures.end(), wanted) != measures.end()) return;
  std::string there;
  for (const std::string& measure : measures) there += (there.empty() ? "" : ", ") + measure;
  throw core::UsageError(
      "checkpoint.keep-best = " + wanted + " is not measured in this run",
      there.empty() ? "set checkpoint.keep-best = none" : "choose one of " + there);
}

std::string parameters_text(const model::Nets& nets) {
  std::string text;
  const auto add = [&](const std::string& name, const nn::Network* network) {
    if (network == nullptr) return;
    text += (text.empty() ? "" : ", ") + name + " " + std::to_string(network->num_parameters());
  };
  add("G", nets.generator.get());
  add("E", nets.encoder.get());
  add("D", nets.discriminator.get());
  return text;
}

// The file that extractor.<name>-statistics names fits extractor.<name>.
void check_statistics(const std::string& name, const extractor::Extractor* network,
                      const std::string& path, core::FileSystem& files) {
  if (path.empty()) return;
  if (network == nullptr) {
    throw core::UsageError(
        "extractor." + name + "-statistics = " + path + ", and extractor." + name + " is empty",
        "name the network whose features they are of");
  }
  measure::check_statistics(files, path, network->width());
}

}  // namespace

DataSets open_sets(const RunConfig& config, comm::Communicator& control) {
  std::optional<DataSets> sets;
  run_on_all_ranks(control, [&] {
    sets.emplace(open_data_sets(config));
    check_held_out(sets->held_out(), control.size());
  });
  compare_ranks(control, {{"the data of data.shards", sets->train.fingerprint()},
                          {"the data of data.test-shards",
                           sets->test ? sets->test->fingerprint() : "absent"}});
  return std::move(*sets);
}

Opened open_run(const RunConfig& config, comm::Communicator& control) {
  std::vector<Seat> seats = gather_seats(control);
  std::vector<Place> places;
  run_on_all_ranks(control, [&] {
    comm::nccl_version();  // refuses another library than the one that was built against
    config.data.rank_batch(control.size(), config.train.accumulate);
    config.train.check_ranks(control.size());
    config.exchange.check_ranks(control.size());
    places = choose_places(config.compute, seats);
    check_precision(config.train.precision, seats, places);
  });
  DataSets sets = open_sets(config, control);
  if (config.data.cache == data::Cache::kRam) {
    std::vector<std::string> hosts;
    for (const Seat& seat : seats) hosts.push_back(seat.host);
    sets.train = share_samples(sets.train, hosts, control);
  }
  return {.sets = std::move(sets), .seats = std::move(seats), .places = std::move(places)};
}

void set_buckets(int64_t kept, train::TrainState& state, comm::Communicator& communicator,
                 at::Device device, const core::Log& log) {
  if (!state.queue.takes_buckets() ||
      state.queue.bucket_bytes() != comm::ExchangeOptions::kMeasured) {
    return;
  }
  const int64_t bytes = kept > 0 ? kept : comm::choose_bucket_bytes(communicator, device);
  state.queue.set_bucket_bytes(bytes);
  log.info("gradients travel in buckets of " + std::to_string(bytes >> 20) + " MiB, " +
           (kept > 0 ? "as the checkpoint says" : "by measurement"));
}

extractor::Extractors open_extractors(const RunConfig& config, at::Device device,
                                      comm::Communicator& control) {
  extractor::Extractors extractors;
  run_on_all_ranks(control, [&] {
    const auto files = core::make_posix_file_system();
    extractors = extractor::open_extractors(config.extractor, *files, device);
    check_statistics("inception", extractors.inception.get(), config.extractor.inception_statistics,
                     *files);
    check_statistics("network", extractors.network.get(), config.extractor.network_statistics,
                     *files);
  });
  return extractors;
}

void announce(const RunConfig& config, const Opened& opened, int64_t step,
              const train::TrainState& state, comm::Communicator& control,
              const std::string& exchange, const core::Log& log) {
  log.info(placement_text(opened.seats, opened.places));
  if (!opened.sets.note.empty()) log.info(opened.sets.note);
  const std::string unused = unused_gpus(config.compute, opened.seats, opened.places);
  if (!unused.empty() && control.rank() == 0) log.warn(unused);
  if (step < config.run.steps) {
    log.info("training from step " + std::to_string(step) + " to " +
             std::to_string(config.run.steps) + ", gradients over " + exchange);
  } else {
    log.info("the run is complete at step " + std::to_string(step) + "; evaluating it");
  }
  log.info("parameters: " + parameters_text(state.nets));
}

void check_memory_of_measures(const measure::Evaluation& evaluation, const model::Nets& nets,
                              at::Device device, comm::Communicator& control) {
  run_on_all_ranks(control, [&] {
    evaluation.check_memory(nets, {.host = measure::host_memory_bytes(),
                                   .local_ranks = control.local_size(),
                                   .own_device = gpu_memory_bytes(device)});
  });
}

void check_measures(const RunConfig& config, const measure::Evaluation& evaluation,
                    const model::Nets& nets, at::Device device, comm::Communicator& control,
                    const core::Log& log) {
  if (control.rank() == 0 && !evaluation.left_out().empty()) log.warn(evaluation.left_out());
  run_on_all_ranks(control,
                   [&] { check_keep_best(config.checkpoint, evaluation.progress_names()); });
  check_memory_of_measures(evaluation, nets, device, control);
}

}  // namespace bbg::run
