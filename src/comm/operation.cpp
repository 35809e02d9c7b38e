#include "comm/operation.h"

#include <cstddef>

namespace bbg::comm {

const char* name_of(Operation operation) {
  constexpr const char* kNames[] = {"all_reduce", "broadcast",       "all_gather", "reduce_scatter",
                                    "barrier",    "all_gather_text", "agree"};
  return kNames[static_cast<size_t>(operation)];
}

}  // namespace bbg::comm
