#pragma once
// The ranks of a job, as an object that is passed by reference: there is no global communicator.
// Size 1 is a full implementation (no launcher needed): sums over one rank are identities.
//
// Rules, the same for every implementation:
// - Every call except rank(), size(), local_*() and abort() is a collective: all ranks call it, in
//   the same order, with tensors of equal shape and dtype. One thread per process uses a
//   communicator; several communicators may be in use at the same time (split()).
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

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace bbg::comm {

class Watchdog;

enum class Reduce { kSum, kMean, kMax };

struct SplitOptions {
  std::string purpose;   // a word for messages and file names, as "gradients"
  int group = 0;         // ranks that give the same number form one communicator,
  bool by_host = false;  // if they are on the same host, where this asks for it
  // A thread (CPU) or stream (CUDA) of its own will use it while others compute: its waits leave
  // the core to them.
  bool is_beside = false;
};

class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual int local_rank() const = 0;  // among the ranks of this host
  virtual int local_size() const = 0;
  virtual std::string name() const = 0;  // "mpi" or "nccl"

  virtual void all_reduce(at::Tensor& tensor, Reduce reduce) = 0;
  virtual void broadcast(at::Tensor& tensor, int root) = 0;
  // [n, ...] of each rank -> [size * n, ...] in rank order, on every rank.
  virtual at::Tensor all_gather(const at::Tensor& tensor) = 0;
  // In place, of [size * n, ...]: rows [rank * n, (rank + 1) * n) hold what is reduced over ranks
  // afterwards; the others are undefined. Contiguous tensors only.
  virtual void reduce_scatter(at::Tensor& tensor, Reduce reduce) = 0;
  // Its inverse, in place: rows [r * n, (r + 1) * n) come from rank r. Contiguous tensors only.
  virtual void gather_in_place(at::Tensor& tensor) = 0;
  virtual void barrier() = 0;

  // Control plane, host memory. Text of each rank, in rank order, on every rank; lengths may
  // differ.
  virtual std::vector<std::string> all_gather_text(const std::string& text) = 0;
  // True on every rank if it was true on all of them. Called before anything irreversible.
  virtual bool agree(bool ready) = 0;

  // A communicator of the ranks of the same group (SplitOptions), in the order of their numbers
  // here, for use at the same time as this one. Must not outlive it. UsageError where the library
  // cannot serve two threads and is_beside asks for it.
  virtual std::unique_ptr<Communicator> split(const SplitOptions& options) = 0;
  // From any thread, of a communicator that is_beside: a wait on it ends with SystemError; it is
  // of no use afterwards. Other ranks are not told.
  virtual void interrupt() = 0;

  // Whether kSum is reduced faster than kMean: NCCL's ways through NVLink's switches and through
  // registered windows add and cannot divide.
  virtual bool is_sum_faster() const { return false; }

  // The newest collective that this rank has entered, as "all_reduce #16", for messages; empty
  // where that is not known.
  virtual std::string newest() const { return ""; }

  // [elements] zeros of `options`, in memory that all ranks know each other's part of where the
  // library has such (NCCL: a symmetric window), so that reductions of it, or of parts of it, need
  // no copies. A collective. May outlive this object.
  virtual at::Tensor shared_zeros(int64_t elements, const at::TensorOptions& options) {
    return at::zeros({elements}, options);
  }

  // What watches this communicator's waits; null where nothing does.
  virtual Watchdog* watchdog() { return nullptr; }

  // Ends all ranks of the job with this exit code, from any rank, without the others' help.
  [[noreturn]] virtual void abort(int exit_code) = 0;
};

// The rows of `tensor` that are a rank's after reduce_scatter(), as a view. InternalError where
// they cannot be shared out over `size` ranks.
at::Tensor own_rows(const at::Tensor& tensor, int rank, int size);

}  // namespace bbg::comm
