#include "run/run_folder.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/paths.h"
#include "report/console.h"
#include "report/html.h"
#include "report/jsonl.h"
#include "report/png.h"
#include "report/tensorboard.h"
#include "run/option_changes.h"
#include "run/run_identity.h"
#include "run/run_on_all_ranks.h"

namespace bbg::run {

namespace {

// Bytes of the whole lines of samples.log whose step is at most `step`: later ones will be run
// again, and a kill may have torn the last.
int64_t bytes_up_to_step(const std::string& text, int64_t step) {
  size_t keep = 0;
  for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', keep)) {
    if (std::strtoll(text.c_str() + keep, nullptr, 10) > step) break;
    keep = end + 1;
  }
  return static_cast<int64_t>(keep);
}

std::string text_of(const core::StateDict& state, const std::string& name) {
  const auto found = state.text.find(name);
  return found == state.text.end() ? "" : found->second;
}

int64_t number_of(const core::StateDict& state, const std::string& name) {
  return std::strtoll(text_of(state, name).c_str(), nullptr, 10);
}

// A state from before states were looked at: a run cannot go on from it.
std::string not_finite(const core::StateDict& state) {
  for (const auto& [name, tensor] : state.tensors) {
    if (tensor.is_floating_point() && !at::isfinite(tensor).all().item<bool>()) {
      return name + " is not finite";
    }
  }
  return "";
}

}  // namespace

RunFolder::RunFolder(const RunConfig& config, const std::string& fingerprint,
                     core::FileSystem& files, comm::Communicator& control, const core::Log& log)
    : config_(config), fingerprint_(fingerprint), files_(files), control_(control), log_(log) {
  run_on_all_ranks(control_, [&] {
    if (!owner()) return;
    try {
      store_ = std::make_unique<checkpoint::Store>(files_, path("checkpoints"),
                                                   config_.checkpoint.keep, not_finite);
      // Before the folder is touched: a run that may not go on here must leave it as it was.
      const bool has_checkpoints = !store_->steps().empty();
      if (config_.run.resume == Resume::kNever && has_checkpoints) {
        throw core::UsageError(
            "run.resume = never, but " + path("checkpoints") + " has checkpoints",
            "choose another run.output, delete the folder, or set run.resume = auto");
      }
      if (config_.run.resume == Resume::kRequire && !has_checkpoints) {
        throw core::UsageError(
            "run.resume = require, but " + path("checkpoints") + " has no checkpoint",
            "set run.resume = auto to start from the beginning");
      }
      files_.create_folders(config_.run.output);
      // Long enough to see whether an owner on another host is dead.
      const core::FolderLock::Timing timing{.patience = std::chrono::seconds(75)};
      lock_ = std::make_unique<core::FolderLock>(config_.run.output, "a run of bbg_dist", timing);
      if (!lock_->taken_over().empty()) log_.warn(lock_->taken_over());
      files_.create_folders(path("grids"));
    } catch (const core::SystemError& error) {
      if (error.details().restart_can_help) throw;
      throw core::UsageError(
          "the run folder " + config_.run.output + " cannot be written: " + error.details().cause,
          "set run.output to a folder that you may write to");
    }
  });
}

RunFolder::~RunFolder() = default;

RunFolder::Position RunFolder::resume(train::TrainState& state, comm::Communicator& communicator) {
  const auto newest = [&](auto* skipped) { return store_->load_newest(skipped); };
  const auto begin = [&](const Position& position, const core::StateDict* saved) {
    open_sinks(position.step);
    record_options(position, saved);
  };
  return take(newest, "resumed from ", begin, state, communicator);
}

RunFolder::Position RunFolder::go_back(int64_t before, train::TrainState& state,
                                       comm::Communicator& communicator) {
  const auto earlier = [&](auto* skipped) { return store_->go_back(before, skipped); };
  const auto begin = [&](const Position& position, const core::StateDict*) {
    open_sinks(position.step);
  };
  return take(earlier, "went back to ", begin, state, communicator);
}

void RunFolder::record_options(const Position& position, const core::StateDict* saved) {
  std::string config = config_.table.ini_text();
  if (saved != nullptr) {
    const std::string before = text_of(*saved, "config");
    const auto changes = option_changes(before, config_.table);
    // Nothing more is trained, so the options of now are not those of the run.
    const bool is_complete = position.step >= config_.run.steps;
    if (is_complete && !before.empty()) config = before;
    if (!changes.empty()) {
      log_.info((is_complete ? "the run is complete; for this evaluation alone its options differ: "
                             : "options changed at step " + std::to_string(position.step) + ": ") +
                changes_text(changes));
      if (!is_complete) sinks_->changes(position.step, changes);
    }
  }
  core::write_atomically(files_, path("config.ini"), config);
}

RunFolder::Position RunFolder::take(const Load& load, const std::string& verb, const Then& then,
                                    train::TrainState& state, comm::Communicator& communicator) {
  Position position;
  run_on_all_ranks(control_, [&] {
    if (!owner()) return;
    std::vector<std::string> skipped;
    const auto loaded = load(&skipped);
    for (const std::string& text : skipped) log_.warn("checkpoint skipped: " + text);
    if (loaded) {
      check_identity(
          identity_of(config_, fingerprint_), loaded->state, loaded->path,
          "choose another run.output for a new run, or give the options in " + path("config.ini"));
      state.load(loaded->state);
      position = {.step = loaded->step,
                  .is_resumed = true,
                  .watch = text_of(loaded->state, "watch"),
                  .bucket_bytes = number_of(loaded->state, "bucket_bytes"),
                  .batch = number_of(loaded->state, "data.batch"),
                  .image_offset = number_of(loaded->state, "image_offset")};
      log_.info(verb + loaded->path);
    }
    position.is_evaluated = report::is_evaluated(files_, path("metrics.jsonl"), position.step);
    then(position, loaded ? &loaded->state : nullptr);
  });
  at::Tensor numbers =
      at::tensor({position.step, int64_t{position.is_resumed}, position.bucket_bytes,
                  int64_t{position.is_evaluated}, position.batch, position.image_offset},
                 at::kLong);
  control_.broadcast(numbers, 0);
  position.step = numbers[0].item<int64_t>();
  position.is_resumed = numbers[1].item<int64_t>() != 0;
  position.bucket_bytes = numbers[2].item<int64_t>();
  position.is_evaluated = numbers[3].item<int64_t>() != 0;
  position.batch = numbers[4].item<int64_t>();
  position.image_offset = numbers[5].item<int64_t>();
  position.watch = control_.all_gather_text(position.watch)[0];
  if (position.is_resumed) state.broadcast(communicator);
  return position;
}

void RunFolder::open_sinks(int64_t step) {
  std::vector<std::unique_ptr<report::Sink>> sinks;
  sinks.push_back(report::make_console_sink());
  sinks.push_back(report::make_jsonl_sink(path("metrics.jsonl"), step));
  sinks.push_back(report::make_tensorboard_sink(config_.run.output, step));
  sinks_ = report::make_fan_out(std::move(sinks));
  if (!config_.report.sample_log) return;
  sample_log_ = std::make_unique<report::AppendFile>(
      path("samples.log"), files_.exists(path("samples.log"))
                               ? bytes_up_to_step(files_.read(path("samples.log")), step)
                               : 0);
}

void RunFolder::save(train::TrainState& state, int64_t step, const std::string& watch,
                     int64_t image_offset) {
  core::StateDict dict = state.to_state_dict(owner());
  if (!owner()) return;
  lock_->check();
  dict.text = identity_of(config_, fingerprint_);
  dict.text["data.batch"] = std::to_string(config_.data.batch);
  dict.text["config"] = config_.table.ini_text();
  dict.text["step"] = std::to_string(step);
  dict.text["watch"] = watch;
  if (image_offset != 0) dict.text["image_offset"] = std::to_string(image_offset);
  if (state.queue.takes_buckets()) {
    dict.text["bucket_bytes"] = std::to_string(state.queue.bucket_bytes());
  }
  store_->save(dict, step);
}

void RunFolder::keep_if_best(int64_t step, const core::Values& values) {
  const std::string& measure = config_.checkpoint.keep_best;
  if (!owner() || !config_.checkpoint.keeps_best()) return;
  const auto found = std::find_if(values.begin(), values.end(),
                                  [&](const auto& value) { return value.first == measure; });
  if (found == values.end() || !std::isfinite(found->second)) return;
  const double value = found->second;
  const auto best = store_->best();
  const bool is_comparable = best && best->measure == measure;
  const measure::Curve* curve = measure::find_curve(measure::table(), measure);
  BBG_CHECK(curve != nullptr, "checkpoint.keep-best names a curve");
  const bool is_high = curve->better == measure::Better::kHigher;
  if (is_comparable && !(is_high ? value > best->value : value < best->value)) return;
  store_->keep_best({step, measure, value});
  log_.info("best checkpoint so far: step " + std::to_string(step) + ", " + measure + " = " +
            std::to_string(value));
}

void RunFolder::report(const report::Interval& interval) {
  if (owner()) sinks_->interval(interval);
}

void RunFolder::report_more(int64_t step, const core::Values& values) {
  if (owner()) sinks_->more(step, values);
}

void RunFolder::log_samples(int64_t step, const std::vector<at::Tensor>& own_sample_ids) {
  if (!config_.report.sample_log) return;
  // [ranks, draws, portions, rows] -> draw by draw, in slot order (core/slots.h)
  const int64_t draws = std::ssize(own_sample_ids);
  const at::Tensor all =
      control_.all_gather(at::stack(own_sample_ids).view({1, draws, config_.train.accumulate, -1}))
          .permute({1, 2, 0, 3})
          .contiguous();
  if (!owner()) return;
  std::string line = std::to_string(step);
  for (int64_t i = 0; i < all.numel(); ++i)
    line += " " + std::to_string(all.data_ptr<int64_t>()[i]);
  sample_log_->append(line + "\n");
}

void RunFolder::write_grids(int64_t step, const measure::Grids& grids) {
  const auto write = [&](const std::string& name, const std::optional<core::Image>& image) {
    if (!image) return;
    report::write_png(files_, path("grids/" + core::numbered(name + "-", step) + ".png"), *image);
    sinks_->image(step, name, *image);
  };
  write("samples", grids.samples);
  write("reconstructions", grids.reconstructions);
}

void RunFolder::finish(int64_t step, const nlohmann::ordered_json& evaluation) {
  if (!owner()) return;
  nlohmann::ordered_json content = evaluation;
  content["step"] = step;
  core::write_atomically(files_, path("evaluation.json"), content.dump(2) + "\n");
  core::Values values;
  for (const auto& [group, entries] : content.items()) {
    if (!entries.is_object()) continue;
    for (const auto& [name, value] : entries.items()) {
      if (value.is_number()) values.emplace_back(group + "." + name, value.get<double>());
    }
  }
  sinks_->evaluation(step, values);
  sinks_->close();
  write_report();
  for (const auto& [name, value] : values) log_.info(name + " = " + std::to_string(value));
  log_.info("report: " + path("report.html"));
}

void RunFolder::write_report() {
  if (owner())
    report::write_html_report(files_, config_.run.output, measure::shown(measure::table()));
}

}  // namespace bbg::run
