#include "run/run.h"

#include <nlohmann/json.hpp>
#include <tuple>

#include "comm/make_communicator.h"
#include "core/draws.h"
#include "core/error.h"
#include "run/run_on_all_ranks.h"
#include "run/start_from.h"
#include "run/trouble.h"

namespace bbg::run {

namespace {

constexpr int64_t kStepsAhead = 2;  // steps that the host may be ahead

std::string trace_path(const RunConfig& config, int rank) {
  return config.run.output + "/trace-rank-" + std::to_string(rank) + ".json";
}

// The averages of a live run, and D.
measure::Subject subject_of(train::TrainState& state) {
  return {.generator = *state.average_g,
          .encoder = state.average_e.get(),
          .discriminator = state.nets.discriminator.get()};
}

int64_t loader_threads(const RunConfig& config, const Opened& opened, int rank) {
  const Place& place = opened.places[static_cast<size_t>(rank)];
  return config.data.threads_on(place.cores, place.busy());
}

}  // namespace

Run::Run(const RunConfig& config, comm::Communicator& control, const core::Log& log)
    : config_(config),
      control_(control),
      log_(log),
      files_(core::make_posix_file_system()),
      opened_(open_run(config, control)),
      tensor_options_(settle(config.compute, opened_.places[static_cast<size_t>(control.rank())])),
      data_plane_(comm::make_data_plane(config.comm, tensor_options_.device(), control)),
      communicator_(data_plane_ ? *data_plane_ : control),
      ops_(ops::make_ops(tensor_options_.device())),
      extractors_(open_extractors(config, tensor_options_.device(), control)),
      state_(config.model, config.train, {communicator_, *ops_, tensor_options_},
             static_cast<uint64_t>(config.run.seed), config.exchange),
      folder_(config, opened_.sets.train.fingerprint(), *files_, control, log),
      reports_(config, folder_, control, log),
      watch_(config.train, config.loss),
      started_(start()),
      updates_(state_, config.model, config.train, config.loss),
      evaluation_progress_(
          [this] {
            if (is_asked_to_stop()) throw StopAsked();
          },
          measure::voice_of(control.rank(), log)),
      evaluation_({config.measuring(), communicator_, *ops_, tensor_options_, evaluation_progress_,
                   &extractors_},
                  opened_.sets.train, opened_.sets.test ? &*opened_.sets.test : nullptr),
      subject_(subject_of(state_)),
      batches_(config, opened_.sets.train,
               core::Slots::of_rank(config.data.batch, control.rank(), control.size(),
                                    config.train.accumulate),
               tensor_options_, loader_threads(config, opened_, control.rank())),
      data_report_(config.data.on_corrupt),
      lead_(tensor_options_.device(), kStepsAhead, communicator_.watchdog()),
      trace_(config.report.trace_steps, trace_path(config, control.rank()),
             tensor_options_.device(), log) {
  check_measures(config, evaluation_, state_.nets, tensor_options_.device(), control, log);
  go_on_from(started_.progress);
  due_.evaluation = !is_over() && owes_evaluation();
  has_stalled_ = !is_over() && started_.is_evaluated && folder_.has_stalled(progress_.step);
}

Resumed Run::start() {
  const Resumed resumed = Resumption{config_, folder_, reports_, state_, control_, log_}.resume();
  watch_.restore(resumed.progress.watch);
  set_buckets(resumed.progress.bucket_bytes, state_, communicator_, tensor_options_.device(), log_);
  progress_ = resumed.progress;
  if (!resumed.is_resumed) {
    if (!config_.run.start_from.empty()) {
      start_from(config_.run.start_from, config_, state_, *files_, control_, log_);
    }
    // There is always a state to go back to.
    if (config_.train.watch == train::Watch::kRollback) folder_.save(state_, place());
  }
  announce(config_, opened_, resumed.progress.step, state_, control_, communicator_.name(), log_);
  return resumed;
}

bool Run::owes_evaluation() const {
  return started_.is_resumed && !started_.is_evaluated &&
         is_evaluation_due(config_, started_.progress.step);
}

void Run::go_on_from(const Progress& progress) {
  progress_ = progress;
  batches_.go_to(core::training_draw(watch_.rollbacks(), progress.step,
                                     config_.train.draws_per_step(config_.model)),
                 progress.image_offset);
}

Progress Run::place() const {
  Progress place = progress_;
  place.watch = watch_.text();
  place.bucket_bytes = state_.queue.takes_buckets() ? state_.queue.bucket_bytes() : 0;
  return place;
}

void Run::step() {
  clock_.start(progress_.step);
  trace_.begin_step();
  losses_ = update();
  ++progress_.step;
  is_saved_ = false;
  state_.update_averages(progress_.step);
  lead_.end_step();
  trace_.end_step();
  reports_.log_samples(progress_.step, batches_.take_sample_ids());
  due_ = due_after(config_, progress_.step, !is_over() && is_asked_to_stop());
}

Losses Run::update() {
  const double factor = watch_.rate_factor() * config_.train.rate_factor(progress_.step);
  const double lr_g = factor * config_.train.lr_g, lr_e = factor * config_.train.lr_e;
  const double lr_d = factor * config_.train.lr_d;
  Losses losses;
  if (config_.train.simultaneous) {
    std::tie(losses.d, losses.ge) =
        updates_.update_together(batches_.next(), batches_.noise(), lr_g, lr_e, lr_d);
    return losses;
  }
  for (int64_t i = 0; i < config_.train.d_updates(config_.model); ++i) {
    losses.d = updates_.update_discriminator(batches_.next(), batches_.noise(), lr_d);
  }
  losses.ge = updates_.update_generator_encoder(batches_.next(), batches_.noise(), lr_g, lr_e);
  return losses;
}

void Run::watch() {
  if (due_.replica_check) refuse_differing_replicas(state_, progress_.step, control_);
  if (!due_.losses()) return;
  values_ = measured_losses(losses_, state_, communicator_);
  if (due_.spectra) {
    const core::Values spectra = measured_spectra(state_.nets, control_);
    values_.insert(values_.end(), spectra.begin(), spectra.end());
  }
  if (watch_.rollbacks() > 0) {
    values_.emplace_back("rollbacks", static_cast<double>(watch_.rollbacks()));
  }
  const auto trouble = find_trouble();
  if (trouble && answer_trouble(*trouble, watch_.rollbacks(), control_, log_)) {
    go_back(trouble->since);
  }
}

std::optional<train::Trouble> Run::find_trouble() {
  auto trouble = watch_.observe(progress_.step, values_, due_.regular_report);
  if (!due_.save || (trouble && trouble->answer != train::Answer::kWarn)) return trouble;
  // A state that is not finite is never saved. Ranks may hold different parts of it.
  if (!control_.agree(state_.is_finite())) return watch_.not_finite(progress_.step);
  return trouble;
}

void Run::go_back(int64_t before) {
  const Resumed earlier =
      Resumption{config_, folder_, reports_, state_, control_, log_}.go_back(before);
  watch_.go_back(earlier.progress.watch);
  go_on_from(earlier.progress);
  clock_.begin_interval(progress_.step);
  due_ = {};
  is_saved_ = true;
}

void Run::report() {
  const int64_t images_per_step = config_.data.batch * config_.train.draws_per_step(config_.model);
  const DataReport::Told data = data_report_.tell(batches_, control_, log_);
  core::Values values = values_;
  if (data.replaced) values.emplace_back("replaced_samples", *data.replaced);
  reports_.interval({.step = progress_.step,
                     .total_steps = config_.run.steps,
                     .images = progress_.image_offset + progress_.step * images_per_step,
                     .seconds = clock_.seconds(),
                     .images_per_second = clock_.steps_per_second(progress_.step) *
                                          static_cast<double>(images_per_step),
                     .data_seconds = data.seconds,
                     .values = values});
  clock_.begin_interval(progress_.step);
}

void Run::save() {
  const Clock::Aside aside(clock_);
  folder_.save(state_, place());
  is_saved_ = true;
}

bool Run::is_asked_to_stop() { return !control_.agree(!stop_.is_asked()); }

void Run::leave() {
  const std::string step = std::to_string(progress_.step);
  log_.info("asked to stop: " +
            (is_saved_ ? "saved at step " + step + "; the same command goes on from there"
                       : "the state of step " + step +
                             " is not finite and was not saved; the same command goes on from the "
                             "newest checkpoint"));
  throw JobEnd{core::kExitRestart};
}

void Run::save_and_leave() {
  // The evaluation has left the state as training had it.
  if (!is_saved_ && control_.agree(state_.is_finite())) save();
  leave();
}

void Run::evaluate() {
  const Clock::Aside aside(clock_);
  try {
    measure_progress();
  } catch (const StopAsked&) {
    save_and_leave();
  }
  has_stalled_ = folder_.has_stalled(progress_.step);
}

void Run::draw_grids() {
  const Clock::Aside aside(clock_);
  try {
    make_grids();
  } catch (const StopAsked&) {
    save_and_leave();
  }
}

void Run::measure_progress() {
  const core::Values values = evaluation_.progress(subject_, progress_.step);
  reports_.more(progress_.step, values);
  folder_.keep_if_best(progress_.step, values);
  evaluated_ = progress_.step;
}

void Run::make_grids() { reports_.grids(progress_.step, evaluation_.grids(subject_)); }

void Run::finish() {
  // A report is there whatever becomes of the measures: one without them is written before, and
  // where rank 0 itself hears of a failure, one with what was measured until then.
  reports_.write_html();
  nlohmann::ordered_json measures;
  try {
    measure_at_the_end(measures);
  } catch (const StopAsked&) {
    leave();
  } catch (const std::exception& error) {
    measures["error"] = core::message_of(error);
    reports_.finish(progress_.step, measures);
    throw;
  }
  reports_.finish(progress_.step, measures);
}

void Run::measure_at_the_end(nlohmann::ordered_json& measures) {
  const bool has_trained = progress_.step > started_.progress.step;
  const bool is_owed = has_trained ? is_evaluation_due(config_, progress_.step) : owes_evaluation();
  if (is_owed && evaluated_ != progress_.step) measure_progress();
  if (has_trained) make_grids();
  evaluation_.measure(subject_, measures);
}

}  // namespace bbg::run
