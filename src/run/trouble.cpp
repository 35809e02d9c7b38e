#include "run/trouble.h"

#include <cstdio>

#include "core/error.h"
#include "run/run_on_all_ranks.h"
#include "train/replica_check.h"

namespace bbg::run {

bool answer_trouble(const train::Trouble& trouble, int64_t rollbacks, comm::Communicator& control,
                    const core::Log& log) {
  const bool speaks = control.rank() == 0;
  switch (trouble.answer) {
    case train::Answer::kWarn:
      if (speaks) {
        log.warn("the run may diverge: " + trouble.text + "; what may help: " + trouble.hint);
      }
      return false;
    case train::Answer::kGoBack:
      if (speaks) {
        log.warn("the run diverges: " + trouble.text + "; rollback " +
                 std::to_string(rollbacks + 1) + ", with smaller rates");
      }
      return true;
    case train::Answer::kEnd:
      break;
  }
  if (speaks) {
    const std::string again =
        rollbacks > 0 ? " again after " + std::to_string(rollbacks) + " rollback(s)" : "";
    std::fprintf(stderr,
                 "error: the run diverged%s: %s; nothing was saved since the newest checkpoint\n"
                 "  hint: go on from there, or start anew with another run.output, with %s\n",
                 again.c_str(), trouble.text.c_str(), trouble.hint.c_str());
  }
  throw JobEnd{core::kExitFailure};
}

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

}  // namespace bbg::run
