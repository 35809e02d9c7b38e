#pragma once
// A matrix of which each rank has consecutive rows: features of a set of images. Rows are numbered
// over all ranks, in rank order.

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "comm/communicator.h"

namespace bbg::eval {

class SharedRows {
 public:
  // own [n_r, d]; n_r may be 0 on some ranks. `communicator` outlives this object. Blocks have
  // `block_rows` rows at most. A collective.
  SharedRows(comm::Communicator& communicator, at::Tensor own, int64_t block_rows = 2048);

  comm::Communicator& communicator() const { return communicator_; }
  const at::Tensor& own() const { return own_; }
  int64_t first() const { return first_; }  // number of the first own row
  int64_t count() const { return count_; }  // rows of all ranks
  int64_t width() const { return own_.size(1); }
  int64_t num_blocks() const;  // that visit_blocks() visits

  // The own rows among the first `count` of all. No collective.
  at::Tensor own_of_first(int64_t count) const;
  // These rows, [rows, d], on every rank, in the type of the matrix. A collective.
  at::Tensor gather(const std::vector<int64_t>& rows) const;
  // Calls `visit` with blocks of rows, on every rank with the same ones and in the same order, and
  // with the number of each one's first row. A collective.
  void visit_blocks(const std::function<void(const at::Tensor& rows, int64_t first)>& visit) const;

 private:
  comm::Communicator& communicator_;
  const at::Tensor own_;
  const int64_t block_rows_;
  std::vector<int64_t> counts_;  // each rank's
  int64_t first_ = 0, count_ = 0;
};

}  // namespace bbg::eval
