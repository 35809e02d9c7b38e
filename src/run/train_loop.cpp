#include "run/train_loop.h"

#include <ATen/record_function.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <tuple>
#include <vector>

#include "core/error.h"
#include "core/file_system.h"
#include "data/loader.h"
#include "data/sample_plan.h"
#include "measure/evaluation.h"
#include "measure/probe_memory.h"
#include "ops/ops.h"
#include "run/compare_ranks.h"
#include "run/data_sets.h"
#include "run/device.h"
#include "run/run_folder.h"
#include "run/run_on_all_ranks.h"
#include "run/start_from.h"
#include "run/step_trace.h"
#include "run/stop_signal.h"
#include "train/divergence.h"
#include "train/host_lead.h"
#include "train/replica_check.h"
#include "train/singular_values.h"
#include "train/step.h"
#include "train/to_device.h"

namespace bbg::run {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The mean over ranks of the losses of the two kinds of update, and the norms of the gradients,
// which are equal on all, by their names in metrics.jsonl.
core::Values measured(const loss::Loss& d, const loss::Loss& ge, const train::TrainState& state,
                      comm::Communicator& communicator) {
  std::vector<std::string> names;
  std::vector<at::Tensor> values;
  const auto add = [&](const std::string& name, const at::Tensor& value) {
    if (!value.defined()) return;
    names.push_back(name);
    values.push_back(value.detach().to(at::kDouble));
  };
  for (const auto& [name, loss] :
       {std::pair<std::string, const loss::Loss*>{"loss_d", &d}, {"loss_ge", &ge}}) {
    add(name, loss->total);
    add(name + "_x", loss->x);
    add(name + "_z", loss->z);
    add(name + "_xz", loss->xz);
    add(name + "_latent", loss->latent);
    add(name + "_reconstruction", loss->reconstruction);
  }
  if (state.d) add("grad_norm_d", state.d->gradient_norm);
  add("grad_norm_g", state.g.gradient_norm);
  if (state.e) add("grad_norm_e", state.e->gradient_norm);
  at::Tensor all = at::stack(values);
  communicator.all_reduce(all, comm::Reduce::kMean);
  all = all.cpu();
  core::Values result;
  for (size_t i = 0; i < names.size(); ++i) {
    result.emplace_back(names[i], all.data_ptr<double>()[i]);
  }
  return result;
}

void add_spectra(const model::Nets& nets, comm::Communicator& control, core::Values& values) {
  const auto add = [&](const std::string& name, const nn::Network* network) {
    if (network == nullptr) return;
    core::Values own = train::top_singular_values(name, *network);
    // Hosts of different make may round them differently, and decisions follow from them.
    at::Tensor shared = at::empty({std::ssize(own)}, at::kDouble);
    for (size_t i = 0; i < own.size(); ++i) shared.data_ptr<double>()[i] = own[i].second;
    control.broadcast(shared, 0);
    for (size_t i = 0; i < own.size(); ++i) {
      values.emplace_back(own[i].first, shared.data_ptr<double>()[i]);
    }
  };
  add("G", nets.generator.get());
  add("E", nets.encoder.get());
  add("D", nets.discriminator.get());
}

// Warns, or ends the run, before a state is saved that would push whole ones out. True: the run
// is to go back.
bool answer_trouble(const train::Trouble& trouble, int64_t rollbacks, comm::Communicator& control,
                    const core::Log& log) {
  const bool is_going_back = trouble.answer == train::Answer::kGoBack;
  if (trouble.answer != train::Answer::kEnd) {
    if (control.rank() == 0) {
      log.warn((is_going_back ? "the run diverges: " : "the run may diverge: ") + trouble.text +
               (is_going_back
                    ? "; rollback " + std::to_string(rollbacks + 1) + ", with smaller rates"
                    : "; what may help: " + trouble.hint));
    }
    return is_going_back;
  }
  if (control.rank() == 0) {
    std::fprintf(
        stderr,
        "error: the run diverged%s: %s; nothing was saved since the newest checkpoint\n"
        "  hint: go on from there, or start anew with another run.output, with %s\n",
        rollbacks > 0 ? (" again after " + std::to_string(rollbacks) + " rollback(s)").c_str() : "",
        trouble.text.c_str(), trouble.hint.c_str());
  }
  throw JobEnd{core::kExitFailure};
}

// Before the state is saved: a run whose ranks have drifted apart goes on from the last
// checkpoint.
void refuse_differing_replicas(const train::TrainState& state, int64_t step,
                               comm::Communicator& control) {
  const std::string text = train::differing_replicas(state, control);
  if (text.empty()) return;
  if (control.rank() == 0) {
    std::fprintf(stderr,
                 "error: %s at step %lld\n  hint: start the same command again to go on from the "
                 "newest checkpoint; if it comes back, suspect that rank's memory or network\n",
                 text.c_str(), static_cast<long long>(step));
  }
  throw JobEnd{core::kExitRestart};
}

// The size of buckets where it is left to measurement: `kept` of the checkpoint, so that a run that
// goes on adds in the same order, or from one now.
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

[[noreturn]] void leave_as_asked(int64_t step, const core::Log& log, bool is_saved = true) {
  log.info("asked to stop: " +
           (is_saved
                ? "saved at step " + std::to_string(step) + "; the same command goes on from there"
                : "the state of step " + std::to_string(step) +
                      " is not finite and was not saved; the same command goes on from the "
                      "newest checkpoint"));
  throw JobEnd{core::kExitRestart};
}

void check_keep_best(const RunConfig& config, const std::vector<std::string>& measures) {
  const std::string& wanted = config.checkpoint.keep_best;
  if (!config.checkpoint.keeps_best()) return;
  if (std::find(measures.begin(), measures.end(), wanted) != measures.end()) return;
  std::string there;
  for (const std::string& measure : measures) there += (there.empty() ? "" : ", ") + measure;
  throw core::UsageError(
      "checkpoint.keep-best = " + wanted + " is not measured in this run",
      there.empty() ? "set checkpoint.keep-best = none" : "choose one of " + there);
}

bool is_evaluation_due(const RunConfig& config, int64_t step) {
  return config.evaluate.every > 0 && step > 0 && step % config.evaluate.every == 0;
}

// The averages of a live run, and D.
measure::Subject subject_of(train::TrainState& state) {
  return {.generator = *state.average_g,
          .encoder = state.average_e.get(),
          .discriminator = state.nets.discriminator.get()};
}

// What is looked at beside training, after the checkpoint of the step: its failure costs nothing
// but itself.
void look(int64_t step, bool is_evaluating, bool is_drawing, const measure::Evaluation& evaluation,
          const measure::Subject& subject, RunFolder& folder) {
  if (is_evaluating) {
    const core::Values values = evaluation.progress(subject);
    folder.report_more(step, values);
    folder.keep_if_best(step, values);
  }
  if (is_drawing) folder.write_grids(step, evaluation.grids(subject));
}

// The last look, and the final measures. A report is there whatever becomes of them: one without
// them is written before, and where rank 0 itself hears of a failure, one with what was measured
// until then.
void finish(int64_t step, bool is_evaluating, bool is_drawing,
            const measure::Evaluation& evaluation, const measure::Subject& subject,
            RunFolder& folder) {
  folder.write_report();
  nlohmann::ordered_json measures;
  try {
    look(step, is_evaluating, is_drawing, evaluation, subject, folder);
    evaluation.measure(subject, measures);
  } catch (const std::exception& error) {
    measures["error"] = core::message_of(error);
    folder.finish(step, measures);
    throw;
  }
  folder.finish(step, measures);
}

}  // namespace

void train(const RunConfig& config, comm::Communicator& control, const core::Log& log) {
  // What the run needs, opened and checked before any work.
  const auto files = core::make_posix_file_system();
  std::optional<DataSets> sets;
  const std::vector<Seat> seats = gather_seats(control);
  std::vector<Place> places;
  run_on_all_ranks(control, [&] {
    comm::nccl_version();  // refuses another library than the one that was built against
    config.data.rank_batch(control.size(), config.train.accumulate);
    config.train.check_ranks(control.size());
    config.exchange.check_ranks(control.size());
    sets.emplace(open_data_sets(config));
    const int64_t held_out = sets->held_out();
    if (held_out < control.size()) {
      throw core::UsageError("evaluation has " + std::to_string(held_out) +
                                 " test images, fewer than the " + std::to_string(control.size()) +
                                 " ranks that share them",
                             "give data.test-shards with more images, or start fewer ranks");
    }
    places = choose_places(config.compute, seats);
    check_precision(config.train.precision, seats, places);
  });
  compare_ranks(control, {{"the data of data.shards", sets->train.fingerprint()},
                          {"the data of data.test-shards",
                           sets->test ? sets->test->fingerprint() : "absent"}});
  const Place& place = places[static_cast<size_t>(control.rank())];
  const at::TensorOptions tensor_options = settle(config.compute, place);
  const auto data_plane = comm::make_data_plane(config.comm, tensor_options.device(), control);
  comm::Communicator& communicator = data_plane ? *data_plane : control;
  const auto seed = static_cast<uint64_t>(config.run.seed);
  const auto ops = ops::make_ops(tensor_options.device());
  train::TrainState state(config.model, config.train, {communicator, *ops, tensor_options}, seed,
                          config.exchange);
  RunFolder folder(config, sets->train.fingerprint(), *files, control, log);
  train::DivergenceWatch watch(config.train, config.loss);
  const RunFolder::Position start_position = folder.resume(state, communicator);
  watch.restore(start_position.watch);
  set_buckets(start_position.bucket_bytes, state, communicator, tensor_options.device(), log);
  int64_t step = start_position.step;
  if (!start_position.is_resumed) {
    if (!config.run.start_from.empty()) {
      start_from(config.run.start_from, config, state, *files, control, communicator, log);
    }
    if (config.train.watch == train::Watch::kRollback) folder.save(state, step, watch.text(), 0);
  }
  log.info(placement_text(seats, places));
  if (!sets->note.empty()) log.info(sets->note);
  const std::string unused = unused_gpus(config.compute, seats, places);
  if (!unused.empty() && control.rank() == 0) log.warn(unused);
  if (step < config.run.steps) {
    log.info("training from step " + std::to_string(step) + " to " +
             std::to_string(config.run.steps) + ", gradients over " + communicator.name());
  } else {
    log.info("the run is complete at step " + std::to_string(step) + "; evaluating it");
  }
  log.info(
      "parameters: G " + std::to_string(state.nets.generator->num_parameters()) +
      (state.nets.encoder ? ", E " + std::to_string(state.nets.encoder->num_parameters()) : "") +
      (state.nets.discriminator
           ? ", D " + std::to_string(state.nets.discriminator->num_parameters())
           : ""));

  const int64_t draws_per_step = config.train.draws_per_step(config.model);
  const auto slots = core::Slots::of_rank(config.data.batch, control.rank(), control.size(),
                                          config.train.accumulate);
  train::Step updates(state, config.model, config.train, config.loss);
  const StopSignal stop;
  // Any rank's signal stops all of them, after the same step or pass of an evaluation.
  const auto is_asked_to_stop = [&] { return !control.agree(!stop.is_asked()); };
  measure::EvaluationProgress evaluation_progress(
      [&] {
        if (is_asked_to_stop()) throw StopAsked();
      },
      measure::voice_of(control.rank(), log));
  const measure::Evaluation evaluation(
      {config.measuring(), communicator, *ops, tensor_options, evaluation_progress}, sets->train,
      sets->test ? &*sets->test : nullptr);
  const measure::Subject subject = subject_of(state);
  if (control.rank() == 0 && !evaluation.left_out().empty()) log.warn(evaluation.left_out());
  run_on_all_ranks(control, [&] {
    check_keep_best(config, evaluation.progress_names());
    if (!evaluation.has(measure::Need::kFeatures)) return;
    measure::check_probe_memory(measure::probe_width(config.measuring(), state.nets),
                                sets->train.num_classes(), control.local_size(),
                                measure::host_memory_bytes());
  });

  // An evaluation that a kill or a failure kept the last process from.
  const bool is_owing =
      start_position.is_resumed && !start_position.is_evaluated && is_evaluation_due(config, step);
  if (is_owing && step < config.run.steps) {
    try {
      look(step, /*is_evaluating=*/true, /*is_drawing=*/false, evaluation, subject, folder);
    } catch (const StopAsked&) {
      leave_as_asked(step, log);
    }
  }

  int64_t draw = 0, image_offset = 0;
  std::optional<data::Loader> loader;
  std::vector<at::Tensor> sample_ids;  // of the step under way
  const auto go_on_from = [&](const RunFolder::Position& position) {
    step = position.step;
    draw = watch.first_draw() + step * draws_per_step;
    image_offset = position.image_offset;
    if (position.is_resumed) {
      image_offset += step * draws_per_step * (position.batch - config.data.batch);
    }
    loader.emplace(sets->train,
                   data::SamplePlan(seed, sets->train.size(), config.data.batch, image_offset),
                   config.data, slots, draw);
    sample_ids.clear();
  };
  const auto next_batch = [&] {
    RECORD_USER_SCOPE("data");
    core::Batch batch = loader->next();
    sample_ids.push_back(batch.sample_ids);
    batch.images = train::to_device(batch.images, tensor_options);
    batch.labels = train::to_device(batch.labels, tensor_options.dtype(at::kLong));
    return batch;
  };
  const auto noise = [&] {
    RECORD_USER_SCOPE("noise");
    return train::make_noise(seed, draw++, slots, config.model, tensor_options,
                             !config.train.augment.empty());
  };

  train::HostLead lead(tensor_options.device(), /*steps=*/2, communicator.watchdog());
  const Clock::time_point start = Clock::now();
  Clock::time_point interval_start = start;
  int64_t interval_step = step;
  double aside = 0;  // seconds of the interval spent on grids and the like, not on training
  go_on_from(start_position);
  StepTrace trace(config.report.trace_steps,
                  config.run.output + "/trace-rank-" + std::to_string(control.rank()) + ".json",
                  tensor_options.device(), log);
  while (step < config.run.steps) {
    const double factor = watch.rate_factor() * config.train.rate_factor(step);
    const double lr_g = factor * config.train.lr_g, lr_e = factor * config.train.lr_e;
    const double lr_d = factor * config.train.lr_d;
    trace.begin_step();
    loss::Loss loss_d, loss_ge;
    if (config.train.simultaneous) {
      std::tie(loss_d, loss_ge) = updates.update_together(next_batch(), noise(), lr_g, lr_e, lr_d);
    } else {
      for (int64_t i = 0; i < config.train.d_updates(config.model); ++i) {
        loss_d = updates.update_discriminator(next_batch(), noise(), lr_d);
      }
      loss_ge = updates.update_generator_encoder(next_batch(), noise(), lr_g, lr_e);
    }
    ++step;
    state.update_averages(step);
    lead.end_step();
    trace.end_step();
    if (config.train.replica_check_every > 0 && step % config.train.replica_check_every == 0) {
      refuse_differing_replicas(state, step, control);
    }
    folder.log_samples(step, sample_ids);
    sample_ids.clear();

    const bool last = step == config.run.steps;
    const int64_t spectra_every = config.report.singular_values_every;
    const bool is_reporting_spectra = spectra_every > 0 && step % spectra_every == 0;
    const bool is_evaluating = is_evaluation_due(config, step);
    const bool is_due = is_reporting_spectra || step % config.report.every == 0;
    const bool is_reporting = last || is_due || is_evaluating;
    const bool is_stopping = !last && is_asked_to_stop();
    const bool is_saving = last || is_stopping || step % config.checkpoint.every == 0 ||
                           (is_evaluating && config.checkpoint.keeps_best());
    core::Values losses;
    if (is_reporting || is_saving) {
      losses = measured(loss_d, loss_ge, state, communicator);
      if (is_reporting_spectra) add_spectra(state.nets, control, losses);
      if (watch.rollbacks() > 0) {
        losses.emplace_back("rollbacks", static_cast<double>(watch.rollbacks()));
      }
      auto trouble = watch.observe(step, losses, is_due);
      // A state that is not finite is never saved. Ranks may hold different parts of it.
      if (is_saving && (!trouble || trouble->answer == train::Answer::kWarn) &&
          !control.agree(state.is_finite())) {
        trouble = watch.not_finite(step);
      }
      if (trouble && answer_trouble(*trouble, watch.rollbacks(), control, log)) {
        const auto position = folder.go_back(trouble->since, state, communicator);
        watch.go_back(position.watch);
        go_on_from(position);
        interval_start = Clock::now();
        interval_step = step;
        aside = 0;
        continue;
      }
    }
    if (is_reporting) {
      const double seconds = seconds_since(interval_start) - aside;
      const int64_t images_per_step = config.data.batch * draws_per_step;
      folder.report({.step = step,
                     .total_steps = config.run.steps,
                     .images = image_offset + step * images_per_step,
                     .seconds = seconds_since(start),
                     .images_per_second =
                         static_cast<double>((step - interval_step) * images_per_step) / seconds,
                     .values = losses});
      interval_start = Clock::now();
      interval_step = step;
      aside = 0;
    }
    const Clock::time_point aside_start = Clock::now();
    if (is_saving) folder.save(state, step, watch.text(), image_offset);
    if (is_stopping) leave_as_asked(step, log);
    if (!last) {
      try {
        look(step, is_evaluating, step % config.report.grid_every == 0, evaluation, subject,
             folder);
      } catch (const StopAsked&) {
        // The evaluation has left the state as training had it.
        const bool is_whole = is_saving || control.agree(state.is_finite());
        if (!is_saving && is_whole) folder.save(state, step, watch.text(), image_offset);
        leave_as_asked(step, log, is_whole);
      }
    }
    aside += seconds_since(aside_start);
  }
  const bool has_trained = step > start_position.step;
  try {
    finish(step, has_trained ? is_evaluation_due(config, step) : is_owing, has_trained, evaluation,
           subject, folder);
  } catch (const StopAsked&) {
    leave_as_asked(step, log);
  }
}

}  // namespace bbg::run
