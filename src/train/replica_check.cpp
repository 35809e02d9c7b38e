#include "train/replica_check.h"

#include <algorithm>
#include <map>
#include <span>

#include "core/hash.h"

namespace bbg::train {

namespace {

int64_t digest(const at::Tensor& tensor) {
  const at::Tensor host = tensor.detach().cpu().contiguous();
  return static_cast<int64_t>(core::hash64(
      {static_cast<const std::byte*>(host.data_ptr()), static_cast<size_t>(host.nbytes())}));
}

}  // namespace

std::string differing_replicas(const TrainState& state, comm::Communicator& control) {
  const std::vector<nn::NamedTensor> tensors = state.replicas();
  const auto count = static_cast<int64_t>(tensors.size());
  at::Tensor own = at::empty({1, count}, at::kLong);
  for (int64_t i = 0; i < count; ++i) {
    own.data_ptr<int64_t>()[i] = digest(tensors[static_cast<size_t>(i)].tensor);
  }
  const at::Tensor all = control.all_gather(own);  // [ranks, tensors]
  const auto digests = all.accessor<int64_t, 2>();

  int64_t differing = 0;
  std::string first;
  for (int64_t i = 0; i < count; ++i) {
    std::map<int64_t, int> votes;
    int64_t usual = 0;
    for (int64_t rank = 0; rank < all.size(0); ++rank) ++votes[digests[rank][i]];
    if (votes.size() == 1) continue;
    if (++differing > 1) continue;
    int most = 0;
    for (int64_t rank = 0; rank < all.size(0); ++rank) {  // equal votes: the lowest rank's wins
      if (votes[digests[rank][i]] <= most) continue;
      most = votes[digests[rank][i]];
      usual = digests[rank][i];
    }
    std::string ranks;
    for (int64_t rank = 0; rank < all.size(0); ++rank) {
      if (digests[rank][i] != usual) ranks += (ranks.empty() ? "" : ", ") + std::to_string(rank);
    }
    first = tensors[static_cast<size_t>(i)].name + "' differs on rank(s) " + ranks;
  }
  if (differing == 0) return "";
  return "the replicas are not equal: '" + first + " of " + std::to_string(all.size(0)) + " (" +
         std::to_string(differing) + " of " + std::to_string(count) + " tensors differ)";
}

}  // namespace bbg::train
