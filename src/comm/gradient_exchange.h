#pragma once
// Averages a network's gradients over ranks, where each rank's were multiplied with the queue's
// share(). The gradients live in one contiguous arena
// (train/arena.h) in about the order in which backward produces them, so a bucket is a slice that
// is reduced in place. The order of summation depends on world size and buckets alone, and all
// ranks end with equal bits.
//
// Where the queue takes buckets, each is given to it as soon as backward has left its last
// gradient there, buckets of one network in the arena's order. Those of several networks that one
// backward reaches go out as backward completes them: the same order on all ranks, whose graphs are
// equal (the watchdog would tell).
//
// Where the queue scatters (ZeRO stage 1: Rajbhandari et al. 2020), the mean of each bucket is left
// in parts, one a rank: what a rank owns of the arena, and of every buffer of its layout, is its
// part of each bucket.

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "comm/communicator.h"
#include "comm/reduction_queue.h"

namespace bbg::comm {

class GradientExchange {
 public:
  // A parameter whose gradient lies in the arena from `offset` on.
  struct Place {
    at::Tensor parameter;
    int64_t offset;
  };

  // `gradients`: [n], the whole arena; shared, reduced in place; n a multiple of the queue's
  // unit(). `places` in order of offset. References must outlive this object.
  GradientExchange(Communicator& communicator, ReductionQueue& queue, at::Tensor gradients,
                   std::vector<Place> places);
  ~GradientExchange();
  GradientExchange(const GradientExchange&) = delete;
  GradientExchange& operator=(const GradientExchange&) = delete;

  // Before the backward that leaves the last gradients of an update: that one's are sent while it
  // runs. Not called, all are sent by finish().
  void begin();
  // After backward: returns (CPU) or has enqueued (CUDA) the mean over ranks, in the parts that the
  // rank owns.
  void finish();

  // The L2 norm of what finish() left: a scalar on the device, of equal bits on all ranks. A
  // collective.
  at::Tensor norm();

  bool is_sharded() const { return queue_.scatters(); }
  // Views of what this rank owns of `flat` [n], of the arena's layout: all of it where nothing is
  // shared out.
  std::vector<at::Tensor> own_shards(const at::Tensor& flat);
  // Each rank's own parts of `flat`, to all ranks. A collective where the arena is shared out, else
  // nothing.
  void all_gather_parameters(const at::Tensor& flat);

 private:
  struct Buckets;
  Buckets& buckets();

  Communicator& communicator_;
  ReductionQueue& queue_;
  at::Tensor gradients_;
  std::vector<Place> places_;
  std::unique_ptr<Buckets> buckets_;  // null until they are needed
};

}  // namespace bbg::comm
