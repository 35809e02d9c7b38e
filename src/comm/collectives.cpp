#include "comm/collectives.h"

#include "core/error.h"

namespace bbg::comm {

at::Tensor own_rows(const at::Tensor& tensor, int rank, int size) {
  BBG_CHECK(tensor.dim() > 0 && tensor.size(0) % size == 0 && tensor.is_contiguous(),
            "rows to be shared out must be contiguous, and the ranks must divide their number");
  const int64_t length = tensor.size(0) / size;
  return tensor.narrow(0, rank * length, length);
}

}  // namespace bbg::comm
