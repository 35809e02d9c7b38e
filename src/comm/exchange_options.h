#pragma once
// How gradients travel: keys comm.exchange and those beside it.

#include <cstdint>

#include "core/options.h"

namespace bbg::comm {

// When gradients are averaged over ranks.
enum class Exchange { kAuto, kWhole, kBuckets, kBackground };
// The type of gradients on their way: that of the arithmetic, or bfloat16.
enum class Wire { kFull, kBfloat16 };

struct ExchangeOptions {
  static constexpr int64_t kMeasured = -1;

  Exchange exchange = Exchange::kAuto;
  int64_t bucket_bytes = 0;  // 0: by device; kMeasured
  int64_t first_bucket_bytes = int64_t{1} << 20;
  Wire wire = Wire::kFull;
  bool shard_optimizer = false;
  bool nccl_window = false;

  void declare(core::OptionTable& table);
  // UsageError where they do not fit a job of so many ranks.
  void check_ranks(int size) const;
};

}  // namespace bbg::comm
