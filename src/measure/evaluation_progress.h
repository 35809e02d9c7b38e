#pragma once
// How far an evaluation is. Each of its passes that all ranks make equally often (standing
// statistics, batches of features, reconstructions and samples, iterations of the probe, blocks of
// neighbours) ends in batch_done(): there every rank is at the same point, so what is called
// between passes may be a collective, and may throw on all ranks alike. Rank 0 says how far it is:
// on a terminal in one line, drawn in place and taken away at the end, elsewhere in a line of the
// log at most every 30 s. One thread.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "core/log.h"
#include "report/console.h"

namespace bbg::measure {

class EvaluationProgress {
 public:
  struct Voice {
    report::ConsoleTarget target;
    std::function<void(const std::string&)> log;  // where the target is no terminal
    std::function<double()> seconds;              // a clock
  };

  // Says nothing, calls nothing.
  EvaluationProgress() = default;
  // `between` is called after each pass, on every rank; `voice` is rank 0's.
  EvaluationProgress(std::function<void()> between, std::optional<Voice> voice);
  ~EvaluationProgress();
  EvaluationProgress(const EvaluationProgress&) = delete;
  EvaluationProgress& operator=(const EvaluationProgress&) = delete;

  // The next part takes `batches` passes at most, the same number on all ranks.
  void begin(const std::string& part, int64_t batches);
  void batch_done();
  void batch_done(int64_t batches);  // the part has so many after all
  // A line of the log, on rank 0.
  void note(const std::string& text);
  // The evaluation is over: nothing stays on the terminal.
  void end();

 private:
  void tell();

  std::function<void()> between_;
  std::optional<Voice> voice_;
  std::string part_;
  int64_t done_ = 0, batches_ = 0;
  double part_start_ = 0, last_told_ = 0;
  bool is_running_ = false, is_drawn_ = false;
};

// The voice of a process: rank 0 speaks, through `log` and on standard error.
std::optional<EvaluationProgress::Voice> voice_of(int rank, const core::Log& log);

}  // namespace bbg::measure
