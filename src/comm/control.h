#pragma once
// The control plane: what ranks know of each other and tell each other in host memory. The rules of
// communicator.h hold: barrier(), all_gather_text() and agree() are collectives, and a failure is a
// SystemError.

#include <string>
#include <vector>

namespace bbg::comm {

class Watchdog;

class Control {
 public:
  virtual ~Control() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual int local_rank() const = 0;  // among the ranks of this host
  virtual int local_size() const = 0;

  virtual void barrier() = 0;
  // Text of each rank, in rank order, on every rank; lengths may differ.
  virtual std::vector<std::string> all_gather_text(const std::string& text) = 0;
  // True on every rank if it was true on all of them. Called before anything irreversible.
  virtual bool agree(bool ready) = 0;

  // The newest collective that this rank has entered, as "all_reduce #16", for messages; empty
  // where that is not known.
  virtual std::string newest() const { return ""; }
  // Watches the communicator's waits; null where nothing does.
  virtual Watchdog* watchdog() { return nullptr; }

  // Ends all ranks of the job with this exit code, from any rank, without the others' help.
  [[noreturn]] virtual void abort(int exit_code) = 0;
};

}  // namespace bbg::comm
