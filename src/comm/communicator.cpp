#include "comm/communicator.h"

#include "core/error.h"

namespace bbg::comm {

void check_rows(const at::Tensor& tensor, int size) {
  BBG_CHECK(tensor.dim() > 0 && tensor.size(0) % size == 0 && tensor.is_contiguous(),
            "rows to be shared out must be contiguous, and the ranks must divide their number");
}

}  // namespace bbg::comm
