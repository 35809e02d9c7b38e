#include "bench/step_bench.h"

#include <ATen/DeviceAccelerator.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "bench/median.h"
#include "bench/reducers.h"
#include "bench/timed_communicator.h"
#include "checkpoint/safetensors.h"
#include "core/error.h"
#include "core/file_system.h"
#include "core/rng.h"
#include "feed/loader.h"
#include "run/step_trace.h"
#include "train/step.h"

namespace bbg::bench {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kCheckedSteps = 3;

// Adds the time since the last lap to one part after the other.
class LapClock {
 public:
  // waits: what a GPU was given is waited for at each lap, so that parts add up; overlap over their
  // borders is lost.
  explicit LapClock(bool waits) : waits_(waits) { lap(); }
  // Seconds since the last call.
  double lap() {
    if (waits_) at::accelerator::synchronizeDevice(at::accelerator::getDeviceIndex());
    const Clock::time_point now = Clock::now();
    const double seconds = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    return seconds;
  }

 private:
  bool waits_;
  Clock::time_point last_ = Clock::now();
};

// The most that was reserved at a time.
int64_t peak_gpu_memory() {
  return at::accelerator::getDeviceStats(at::accelerator::getDeviceIndex()).reserved_bytes[0].peak;
}

struct Parts {
  double data = 0, d = 0, ge = 0, ema = 0;
};

// Trains on the shards of the configuration or, without any, on one synthetic batch.
class Trainer {
 public:
  Trainer(const run::RunConfig& config, const BenchOptions& options,
          comm::Communicator& communicator, at::TensorOptions tensor_options)
      : config_(config),
        options_(options),
        communicator_(communicator),
        tensor_options_(tensor_options),
        ops_(ops::make_ops(tensor_options.device())),
        state_(config.model, config.train, {communicator_, *ops_, tensor_options_}, seed(),
               config.exchange),
        step_(std::in_place, state_, config.model, config.train, config.loss),
        slots_(core::Slots::of_rank(config.data.batch, communicator.rank(), communicator.size(),
                                    config.train.accumulate)) {
    config.data.rank_batch(communicator.size(), config.train.accumulate);
    if (config.train.simultaneous || !state_.d) {
      throw core::UsageError("bbg_bench measures systems whose D is updated apart",
                             "set train.simultaneous = false and another model.system");
    }
    if (options.exchange == "reducer") reducers_.emplace(state_, communicator_);
    if (config.data.shards.empty()) {
      synthetic_.images = synthetic_images(slots_).to(tensor_options_);
      synthetic_.labels =
          at::zeros({slots_.count()}, at::TensorOptions(tensor_options_.device()).dtype(at::kLong));
    } else {
      shards_.emplace(data::ShardSet::open(config.data.shards, config.data.verify));
      plan_.emplace(seed(), shards_->size(), config.data.batch);
      data::DataOptions data = config.data;
      data.loader_threads = std::max<int64_t>(1, data.loader_threads);
      loader_.emplace(*shards_,
                      data::LoaderSetup{.plan = *plan_,
                                        .options = data,
                                        .slots = slots_,
                                        .size = config.model.data_resolution()},
                      tensor_options_);
    }
  }

  // [n, C, S, S] float32: uniform in [-1, 1), by slot.
  at::Tensor synthetic_images(const core::Slots& slots) const {
    const int64_t side = config_.model.data_resolution();
    at::Tensor images = at::empty({slots.count(), config_.model.channels, side, side}, at::kFloat);
    float* value = images.data_ptr<float>();
    for (int64_t i = 0; i < slots.count(); ++i) {
      core::RandomStream stream(seed(), core::Purpose::kEvaluate, 0,
                                static_cast<uint64_t>(slots[i]));
      for (int64_t k = 0; k < images[0].numel(); ++k) {
        *value++ = static_cast<float>(2 * stream.next_uniform() - 1);
      }
    }
    return images;
  }

  train::Noise noise(int64_t draw, const core::Slots& slots) const {
    return train::make_noise(seed(), draw, slots, config_.model, tensor_options_,
                             !config_.train.augment.empty());
  }

  // One step; the losses of its last updates of D and of G and E come back.
  std::pair<loss::Loss, loss::Loss> step(Parts& parts) {
    const train::TrainOptions& train = config_.train;
    LapClock clock(options_.parts && is_on_gpu());
    loss::Loss loss_d, loss_ge;
    for (int64_t i = 0; i < train.d_updates(config_.model); ++i) {
      const core::Batch batch = next_batch();
      const train::Noise own = noise(draw_++, slots_);
      if (reducers_) reducers_->prepare_discriminator();
      parts.data += clock.lap();
      loss_d = step_->update_discriminator(batch, own, train.lr_d);
      parts.d += clock.lap();
    }
    const core::Batch batch = next_batch();
    const train::Noise own = noise(draw_++, slots_);
    if (reducers_) reducers_->prepare_generator_encoder();
    parts.data += clock.lap();
    loss_ge = step_->update_generator_encoder(batch, own, train.lr_g, train.lr_e);
    parts.ge += clock.lap();
    state_.update_averages(++steps_);
    parts.ema += clock.lap();
    return {loss_d, loss_ge};
  }

  // Updates are made call by call from here on.
  void give_up_graphs() {
    train::TrainOptions train = config_.train;
    train.cuda_graphs = train::CudaGraphs::kOff;
    step_.emplace(state_, config_.model, train, config_.loss);
  }

  // Seconds that the optimizers take of one step, measured apart: the step does not tell.
  double optimizer_seconds(int64_t repeats) {
    LapClock clock(is_on_gpu());
    for (int64_t i = 0; i < repeats; ++i) {
      for (int64_t k = 0; k < config_.train.d_updates(config_.model); ++k) state_.d->adam.step(0);
      state_.g.adam.step(0);
      if (state_.e) state_.e->adam.step(0);
    }
    return clock.lap() / static_cast<double>(repeats);
  }

  // Since the start: in the gradients' reductions, what of it the step waited for, and in the
  // norms' collectives.
  comm::ReductionQueue::Times exchange_times() const {
    if (!reducers_) return state_.queue.times();
    return {reducers_->seconds(), reducers_->seconds()};
  }
  // Bytes of one step, on the wire.
  int64_t exchange_bytes() const {
    const auto bytes = [&](const train::Trained& trained) {
      const at::Tensor& values = trained.arena.values();
      return values.numel() *
             (config_.exchange.wire == comm::Wire::kBfloat16 ? 2 : values.element_size());
    };
    return bytes(*state_.d) * config_.train.d_updates(config_.model) + bytes(state_.g) +
           (state_.e ? bytes(*state_.e) : 0);
  }
  double norm_seconds() const { return communicator_.gathered_seconds(); }
  bool is_on_gpu() const { return tensor_options_.device().is_cuda(); }
  train::TrainState& state() { return state_; }

 private:
  uint64_t seed() const { return static_cast<uint64_t>(config_.run.seed); }

  core::Batch next_batch() {
    if (!loader_) return synthetic_;
    return loader_->next();
  }

  const run::RunConfig& config_;
  const BenchOptions& options_;
  TimedCommunicator communicator_;
  at::TensorOptions tensor_options_;
  std::unique_ptr<ops::Ops> ops_;
  train::TrainState state_;
  std::optional<train::Step> step_;
  std::optional<Reducers> reducers_;
  core::Slots slots_;
  core::Batch synthetic_;
  std::optional<data::ShardSet> shards_;
  std::optional<data::SamplePlan> plan_;
  std::optional<feed::Loader> loader_;
  int64_t draw_ = 0, steps_ = 0;
};

}  // namespace

nlohmann::ordered_json time_steps(const run::RunConfig& config, const BenchOptions& options,
                                  comm::Communicator& communicator,
                                  at::TensorOptions tensor_options) {
  Trainer trainer(config, options, communicator, tensor_options);
  Parts parts;
  for (int64_t i = 0; i < options.warmup; ++i) trainer.step(parts);
  parts = {};
  const comm::ReductionQueue::Times before = trainer.exchange_times();
  const double norm_before = trainer.norm_seconds();
  std::vector<double> all, medians;
  const auto time_rounds = [&] {
    all.clear();
    medians.clear();
    for (int64_t round = 0; round < options.rounds; ++round) {
      communicator.barrier();
      std::vector<double> own;
      LapClock round_clock(trainer.is_on_gpu());
      for (int64_t i = 0; i < options.steps; ++i) {
        LapClock clock(false);
        trainer.step(parts);
        own.push_back(1e3 * clock.lap());
      }
      if (!options.parts) {
        const double each = 1e3 * round_clock.lap() / static_cast<double>(options.steps);
        own.assign(own.size(), each);
      }
      all.insert(all.end(), own.begin(), own.end());
      medians.push_back(median(own));
    }
  };
  time_rounds();
  const double steps = static_cast<double>(all.size());
  const auto ms = [&](double seconds) { return 1e3 * seconds / steps; };
  const comm::ReductionQueue::Times after = trainer.exchange_times();
  const double norm = ms(trainer.norm_seconds() - norm_before);
  const double optimizer = 1e3 * trainer.optimizer_seconds(10);
  if (!options.trace.empty()) {
    const core::Log log(communicator.rank(), communicator.size(), true);
    run::StepTrace trace(communicator.rank() == 0 ? 1 : 0, options.trace, tensor_options.device(),
                         log);
    for (int64_t i = 0; i <= run::StepTrace::kWarmUp; ++i) {
      Parts of_trace;
      trace.begin_step();
      trainer.step(of_trace);
      trace.end_step();
    }
  }
  const auto [fastest, slowest] = std::minmax_element(medians.begin(), medians.end());
  nlohmann::ordered_json result = {
      {"name", options.exchange},
      {"ranks", communicator.size()},
      {"communicator", communicator.name()},
      {"dtype", config.train.precision == train::Precision::kFull
                    ? core::word_of(run::kDtypes, config.compute.dtype)
                    : "bfloat16"},
      {"global_batch", config.data.batch},
      {"step_ms", all},
      {"median_ms", median(all)},
      {"rounds_ms", {*fastest, *slowest}},
      {"images_per_second", 1e3 * static_cast<double>(config.data.batch) / median(all)},
      {"gpu_memory_bytes", trainer.is_on_gpu() ? peak_gpu_memory() : 0},
      {"phases_ms",
       {{"data", ms(parts.data)},
        {"d", ms(parts.d)},
        {"ge", ms(parts.ge)},
        {"ema", ms(parts.ema)}}},
      // Within d and ge: the time of their collectives, and of their optimizers.
      {"within_ms",
       {{"exchange", ms(after.waited - before.waited)}, {"norm", norm}, {"optimizer", optimizer}}},
      // All that reductions took; what was not waited for above went on behind other work.
      {"exchange_under_way_ms", ms(after.under_way - before.under_way)},
      {"reduced_bytes_per_step", trainer.exchange_bytes()},
  };
  if (options.without_graphs && trainer.is_on_gpu()) {
    trainer.give_up_graphs();
    trainer.step(parts);
    time_rounds();
    result["without_graphs_ms"] = median(all);
  }
  return result;
}

void write_start(const run::RunConfig& config, const BenchOptions& options,
                 comm::Communicator& communicator, at::TensorOptions tensor_options) {
  Trainer trainer(config, options, communicator, tensor_options);
  core::StateDict start;
  for (auto& [name, tensor] : trainer.state().to_state_dict().tensors) {
    if (name.starts_with("G.") || name.starts_with("E.") || name.starts_with("D.")) {
      start.tensors.emplace_back(name, tensor.clone());
    }
  }
  start.tensors.emplace_back("bench.images", trainer.synthetic_images({0, config.data.batch}));
  for (int64_t draw = 0; draw < kCheckedSteps * config.train.draws_per_step(config.model); ++draw) {
    const train::Noise all = trainer.noise(draw, {0, config.data.batch});
    start.tensors.emplace_back("bench.z." + std::to_string(draw), all.z.cpu());
    start.tensors.emplace_back("bench.epsilon." + std::to_string(draw), all.epsilon.cpu());
  }
  at::Tensor losses = at::empty({kCheckedSteps, 2}, tensor_options.dtype(at::kDouble));
  Parts parts;
  for (int64_t i = 0; i < kCheckedSteps; ++i) {
    const auto [loss_d, loss_ge] = trainer.step(parts);
    losses[i][0].copy_(loss_d.total.detach());
    losses[i][1].copy_(loss_ge.total.detach());
  }
  communicator.all_reduce(losses, comm::Reduce::kMean);
  start.tensors.emplace_back("bench.losses", losses.cpu());
  start.text["config"] = config.table.ini_text();
  if (communicator.rank() == 0) {
    checkpoint::write_safetensors(*core::make_posix_file_system(), options.write_start, start);
  }
  communicator.barrier();
}

}  // namespace bbg::bench
