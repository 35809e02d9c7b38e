#include "eval/shared_rows.h"

#include <algorithm>

#include "core/error.h"

namespace bbg::eval {

SharedRows::SharedRows(comm::Communicator& communicator, at::Tensor own, int64_t block_rows)
    : communicator_(communicator), own_(own.contiguous()), block_rows_(block_rows) {
  BBG_CHECK(own_.dim() == 2, "a matrix has rows and columns");
  const at::Tensor counts =
      communicator.all_gather(at::full({1}, own_.size(0), own_.options().dtype(at::kLong))).cpu();
  for (int rank = 0; rank < communicator.size(); ++rank) {
    if (rank == communicator.rank()) first_ = count_;
    counts_.push_back(counts[rank].item<int64_t>());
    count_ += counts_.back();
  }
}

int64_t SharedRows::num_blocks() const {
  int64_t blocks = 0;
  for (const int64_t rows : counts_) blocks += (rows + block_rows_ - 1) / block_rows_;
  return blocks;
}

at::Tensor SharedRows::own_of_first(int64_t count) const {
  return own_.narrow(0, 0, std::clamp<int64_t>(count - first_, 0, own_.size(0)));
}

at::Tensor SharedRows::gather(const std::vector<int64_t>& rows) const {
  // Sums of one row and zeros are exact.
  at::Tensor gathered = at::zeros({std::ssize(rows), width()}, own_.options());
  std::vector<int64_t> from, to;
  for (int64_t i = 0; i < std::ssize(rows); ++i) {
    const int64_t row = rows[static_cast<size_t>(i)] - first_;
    if (row < 0 || row >= own_.size(0)) continue;
    from.push_back(row);
    to.push_back(i);
  }
  const auto on_device = [&](const std::vector<int64_t>& numbers) {
    return at::tensor(numbers, at::kLong).to(own_.device());
  };
  gathered.index_copy_(0, on_device(to), own_.index_select(0, on_device(from)));
  communicator_.all_reduce(gathered, comm::Reduce::kSum);
  return gathered;
}

void SharedRows::visit_blocks(
    const std::function<void(const at::Tensor& rows, int64_t first)>& visit) const {
  int64_t first = 0;
  for (int root = 0; root < communicator_.size(); ++root) {
    const int64_t rows = counts_[static_cast<size_t>(root)];
    for (int64_t done = 0; done < rows; done += block_rows_) {
      const int64_t count = std::min(block_rows_, rows - done);
      at::Tensor block = root == communicator_.rank() ? own_.narrow(0, done, count)
                                                      : at::empty({count, width()}, own_.options());
      communicator_.broadcast(block, root);
      visit(block, first);
      first += count;
    }
  }
}

}  // namespace bbg::eval
