#pragma once
// The collectives that a watchdog tells apart.

#include <cstdint>

namespace bbg::comm {

enum class Operation : uint8_t {
  kAllReduce,
  kBroadcast,
  kAllGather,
  kReduceScatter,
  kBarrier,
  kText,
  kAgree
};
const char* name_of(Operation operation);  // as messages and files have it: "all_reduce"

}  // namespace bbg::comm
