#pragma once
// The ranks of a job, as an object that is passed by reference: there is no global communicator.
// Size 1 is a full implementation (no launcher needed): sums over one rank are identities.
//
// Rules, the same for every implementation:
// - Every call except rank(), size(), local_*(), newest(), watchdog(), interrupt() and abort() is a
//   collective: all ranks call it, in the same order, with tensors of equal shape and dtype. One
//   thread per process uses a communicator; several communicators may be in use at the same time
//   (split()).
// - Tensors must be contiguous (or any dense memory format, equal on all ranks) and are reduced in
//   place.
// - CPU: a call returns when its result is there. CUDA: the call is enqueued on the device's
//   current stream; the result is there for work enqueued on that stream afterwards, and the caller
//   need not synchronise.
// - Reductions add in an order that depends on the world size alone, never on timing: repeated runs
//   give equal bits.
// - A wait that exceeds the deadline, of the host or of a GPU's stream, ends the process with exit
//   code 75 after a line that names operation, sequence number and the ranks that have not come
//   (see watchdog.h). Failures of the library throw SystemError; those that NCCL reports later, by
//   itself, end the process likewise.

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "comm/collectives.h"
#include "comm/control.h"

namespace bbg::comm {

struct SplitOptions {
  std::string purpose;   // a word for messages and file names, as "gradients"
  int group = 0;         // ranks that give the same number form one communicator,
  bool by_host = false;  // if they are on the same host, where this asks for it
  // A thread (CPU) or stream (CUDA) of its own will use it while others compute: its waits leave
  // the core to them.
  bool is_beside = false;
};

// An implementation moves tensors (Collectives) and is given who controls: its own control plane,
// or that of another communicator of the same ranks.
class Communicator : public Collectives {
 public:
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  Control& control() const { return control_; }
  int rank() const { return control_.rank(); }
  int size() const { return control_.size(); }
  int local_rank() const { return control_.local_rank(); }
  int local_size() const { return control_.local_size(); }
  void barrier() { control_.barrier(); }
  std::vector<std::string> all_gather_text(const std::string& text) {
    return control_.all_gather_text(text);
  }
  bool agree(bool ready) { return control_.agree(ready); }
  std::string newest() const { return control_.newest(); }
  Watchdog* watchdog() const { return control_.watchdog(); }
  [[noreturn]] void abort(int exit_code) {
    control_.abort(exit_code);
    std::_Exit(exit_code);  // GCC does not see that a virtual function never returns
  }

  // A communicator of the ranks of the same group (SplitOptions), in the order of their numbers
  // here, for use at the same time as this one. Must not outlive it. UsageError where the library
  // cannot serve two threads and is_beside asks for it.
  virtual std::unique_ptr<Communicator> split(const SplitOptions& options) = 0;
  // From any thread, of a communicator that is_beside: a wait on it ends with SystemError; it is
  // of no use afterwards. Other ranks are not told. Nothing where calls return at once.
  virtual void interrupt() {}

 protected:
  explicit Communicator(std::unique_ptr<Control> own) : own_(std::move(own)), control_(*own_) {}
  // `another`'s outlives this object.
  explicit Communicator(Control& another) : control_(another) {}

 private:
  std::unique_ptr<Control> own_;  // null: another's
  Control& control_;
};

}  // namespace bbg::comm
