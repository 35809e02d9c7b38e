#pragma once
// Control over MPI: who the ranks are, and the watchdog over the board that those of a host share.
// A rank that ends because of an error leaves without waiting for the others.

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "comm/control.h"
#include "comm/make_communicator.h"
#include "comm/mpi_group.h"
#include "comm/watchdog.h"
#include "core/unwinding.h"

namespace bbg::comm {

class MpiControl final : public Control {
 public:
  // A collective of `ranks`. `purpose` as in SplitOptions; empty: the ranks of the whole job.
  MpiControl(MpiGroup ranks, const CommOptions& options, const std::string& purpose);
  ~MpiControl() override;
  MpiControl(const MpiControl&) = delete;
  MpiControl& operator=(const MpiControl&) = delete;

  int rank() const override { return ranks_.rank(); }
  int size() const override { return ranks_.size(); }
  int local_rank() const override { return host_.rank(); }
  int local_size() const override { return host_.size(); }
  void barrier() override;
  std::vector<std::string> all_gather_text(const std::string& text) override;
  bool agree(bool ready) override;
  std::string newest() const override { return watchdog_->newest(); }
  Watchdog* watchdog() override { return watchdog_.get(); }
  [[noreturn]] void abort(int exit_code) override { MpiGroup::abort_job(exit_code); }

  MpiGroup& ranks() { return ranks_; }
  const MpiGroup& host() const { return host_; }  // those of them that are on this host
  const CommOptions& options() const { return options_; }

  // From any thread: waits that look for it end.
  void interrupt() { is_interrupted_ = true; }
  bool is_interrupted() const { return is_interrupted_; }

 private:
  std::unique_ptr<Watchdog> make_watchdog(const std::string& purpose);

  const CommOptions options_;
  MpiGroup ranks_, host_;
  std::atomic<bool> is_interrupted_ = false;
  core::Unwinding unwinding_;
  std::unique_ptr<Watchdog> watchdog_;
};

}  // namespace bbg::comm
