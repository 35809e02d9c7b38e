#include "run/data_report.h"

#include <algorithm>
#include <string>

namespace bbg::run {

namespace {

constexpr size_t kNamed = 3;

std::string replaced_text(const data::Replaced& replaced) {
  std::string text = "data.on-corrupt = skip: " + std::to_string(replaced.count) +
                     " damaged sample(s) were replaced since the start; the first: ";
  for (size_t i = 0; i < std::min(kNamed, replaced.first.size()); ++i) {
    text += (i == 0 ? "" : "; ") + replaced.first[i];
  }
  return text;
}

}  // namespace

DataReport::Told DataReport::tell(const Batches& batches, comm::Communicator& control,
                                  const core::Log& log) {
  const double waited_before = waited_seconds_;
  waited_seconds_ = batches.waited_seconds();
  at::Tensor longest = at::full({1}, waited_seconds_ - waited_before, at::kDouble);
  control.all_reduce(longest, comm::Reduce::kMax);
  Told told{.seconds = longest.item<double>(), .replaced = std::nullopt};
  if (on_corrupt_ == data::OnCorrupt::kStop) return told;
  const data::Replaced replaced = batches.replaced();
  if (replaced.count > replaced_) log.warn(replaced_text(replaced));
  replaced_ = replaced.count;
  at::Tensor all = at::full({1}, static_cast<double>(replaced.count), at::kDouble);
  control.all_reduce(all, comm::Reduce::kSum);
  told.replaced = all.item<double>();
  return told;
}

}  // namespace bbg::run
