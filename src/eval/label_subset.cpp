#include "eval/label_subset.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <utility>

#include "core/error.h"
#include "core/hash.h"
#include "eval/knn_search.h"

namespace bbg::eval {

std::vector<int64_t> label_subset(comm::Communicator& communicator, const at::Tensor& labels,
                                  double share, uint64_t seed) {
  BBG_CHECK(share > 0 && share <= 1, "a share of labels");
  at::Tensor before = at::full({1}, labels.numel(), labels.options());
  before = communicator.all_gather(before).narrow(0, 0, communicator.rank()).sum();
  const auto first = before.item<int64_t>(), end = first + labels.numel();
  const at::Tensor all = gather_labels(communicator, labels, labels.device());

  std::map<int64_t, std::vector<std::pair<uint64_t, int64_t>>> classes;  // hash, index
  for (int64_t i = 0; i < all.numel(); ++i) {
    const uint64_t hash = core::hash64(std::as_bytes(std::span(&i, 1)), seed);
    classes[all.const_data_ptr<int64_t>()[i]].emplace_back(hash, i);
  }
  const double wanted = share * static_cast<double>(all.numel()) /
                        static_cast<double>(std::max<size_t>(1, classes.size()));
  std::vector<int64_t> rows;
  for (auto& [label, samples] : classes) {
    const auto count =
        std::min<int64_t>(std::max<int64_t>(1, std::llround(wanted)), std::ssize(samples));
    std::nth_element(samples.begin(), samples.begin() + (count - 1), samples.end());
    for (int64_t i = 0; i < count; ++i) {
      const int64_t index = samples[static_cast<size_t>(i)].second;
      if (index >= first && index < end) rows.push_back(index - first);
    }
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

}  // namespace bbg::eval
