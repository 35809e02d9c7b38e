#include "measure/evaluation_progress.h"

#include <algorithm>
#include <chrono>
#include <ostream>
#include <utility>

#include "core/text.h"

namespace bbg::measure {

namespace {

constexpr double kDrawSeconds = 0.2, kLogSeconds = 30;

}  // namespace

EvaluationProgress::EvaluationProgress(std::function<void()> between, std::optional<Voice> voice)
    : between_(std::move(between)), voice_(std::move(voice)) {}

EvaluationProgress::~EvaluationProgress() { end(); }

void EvaluationProgress::begin(const std::string& part, int64_t batches) {
  part_ = part;
  done_ = 0;
  batches_ = batches;
  if (!voice_) return;
  part_start_ = voice_->seconds();
  if (!is_running_) last_told_ = part_start_;
  is_running_ = true;
}

void EvaluationProgress::batch_done() {
  ++done_;
  if (voice_) tell();
  if (between_) between_();
}

void EvaluationProgress::batch_done(int64_t batches) {
  batches_ = batches;
  batch_done();
}

void EvaluationProgress::tell() {
  const double now = voice_->seconds();
  const bool is_terminal = voice_->target.is_terminal;
  if (now - last_told_ < (is_terminal ? kDrawSeconds : kLogSeconds)) return;
  last_told_ = now;
  // A line search may take more passes than iterations were foreseen.
  const int64_t all = std::max(batches_, done_);
  const double left =
      (now - part_start_) / static_cast<double>(done_) * static_cast<double>(all - done_);
  const std::string text = "evaluation, " + part_ + ": " + std::to_string(done_) + " of " +
                           std::to_string(all) + ", " + core::clock_text(left) +
                           " left of this part";
  if (!is_terminal) {
    voice_->log(text);
    return;
  }
  const auto room = static_cast<size_t>(std::max<int64_t>(1, voice_->target.columns() - 1));
  voice_->target.out << "\r" << text.substr(0, room) << "\x1b[K" << std::flush;
  is_drawn_ = true;
}

void EvaluationProgress::note(const std::string& text) {
  if (!voice_) return;
  if (is_drawn_) voice_->target.out << "\r\x1b[K" << std::flush;
  voice_->log(text);
}

void EvaluationProgress::end() {
  if (is_drawn_) voice_->target.out << "\r\x1b[K" << std::flush;
  is_running_ = is_drawn_ = false;
}

std::optional<EvaluationProgress::Voice> voice_of(int rank, const core::Log& log) {
  if (rank != 0) return std::nullopt;
  return EvaluationProgress::Voice{
      .target = report::standard_error(),
      .log = [&log](const std::string& text) { log.info(text); },
      .seconds =
          [] {
            return std::chrono::duration<double>(
                       std::chrono::steady_clock::now().time_since_epoch())
                .count();
          }};
}

}  // namespace bbg::measure
