#include "comm/exchange_options.h"

#include "core/error.h"

namespace bbg::comm {

void ExchangeOptions::declare(core::OptionTable& table) {
  table.add(
      "comm.exchange", &exchange,
      {{"auto", Exchange::kAuto},
       {"whole", Exchange::kWhole},
       {"buckets", Exchange::kBuckets},
       {"background", Exchange::kBackground}},
      "When gradients are averaged over ranks: whole, after backward, a network at a time; "
      "buckets, during backward, on a stream of its own where there is a GPU; background, on "
      "the CPU, during backward by a thread of its own, for slow networks between hosts. auto "
      "takes buckets on a GPU, else whole");
  table
      .add("comm.bucket-bytes", &bucket_bytes,
           "Gradients that go out together during backward. 0: 25 MiB on a GPU, 1 MiB on the CPU; "
           "-1 chooses from a short measurement at start, and a run that goes on from a checkpoint "
           "keeps what was chosen")
      .unit("bytes")
      .at_least(-1);
  table
      .add("comm.first-bucket-bytes", &first_bucket_bytes,
           "The same, of the first bucket of each network: a small one starts early")
      .unit("bytes")
      .at_least(1);
  table.add("comm.wire", &wire, {{"full", Wire::kFull}, {"bfloat16", Wire::kBfloat16}},
            "Type of gradients on their way: that of the arithmetic, or bfloat16 with half the "
            "bytes, on at most 128 ranks");
  table.add("comm.shard-optimizer", &shard_optimizer,
            "Each rank keeps Adam's moments of its share of the parameters alone and updates those "
            "(ZeRO, stage 1): less memory on every rank. Checkpoints are as without");
  table.add("comm.nccl-window", &nccl_window,
            "On GPUs: keep gradients in memory of NCCL's own that all ranks have registered as one "
            "window, which spares copies between GPUs joined by NVLink");
}

void ExchangeOptions::check_ranks(int size) const {
  // A ring adds one rank after the other. A sum of many is so large that what the next rank adds is
  // below half a unit of its last place (8 binary digits), and is lost.
  constexpr int kMost = 128;
  if (wire != Wire::kBfloat16 || size <= kMost) return;
  throw core::UsageError(
      "comm.wire = bfloat16 serves at most " + std::to_string(kMost) + " ranks, not " +
          std::to_string(size) +
          ": its 8 binary digits lose a growing share of the mean with every rank that is added",
      "set comm.wire = full, or start fewer ranks");
}

}  // namespace bbg::comm
