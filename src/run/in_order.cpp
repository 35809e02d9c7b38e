#include "run/in_order.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>

namespace bbg::run {

namespace {

// With rows of zeros up to `count`.
at::Tensor padded(const at::Tensor& rows, int64_t count) {
  if (rows.size(0) == count) return rows.contiguous();
  std::vector<int64_t> sizes = rows.sizes().vec();
  sizes[0] = count;
  at::Tensor all = at::zeros(sizes, rows.options());
  all.narrow(0, 0, rows.size(0)).copy_(rows);
  return all;
}

}  // namespace

void map_in_order(const measure::Context& context, const std::string& what, int64_t count,
                  const std::function<Rows(int64_t first, int64_t count)>& make,
                  const std::function<void(const Rows&)>& take) {
  const at::NoGradGuard no_grad;
  comm::Communicator& ranks = context.communicator;
  const int64_t batch =
      std::min(context.setup.evaluate.batch, (count + ranks.size() - 1) / ranks.size());
  const int64_t round = batch * ranks.size();
  context.progress.begin(what, (count + round - 1) / round);
  for (int64_t done = 0; done < count; done += round) {
    const int64_t first = done + batch * ranks.rank();
    const int64_t own = std::clamp<int64_t>(count - first, 0, batch);
    const Rows made = own > 0 ? make(first, own) : make(0, 1);
    Rows all;
    for (const at::Tensor& rows : made) {
      const at::Tensor gathered = ranks.all_gather(padded(rows.narrow(0, 0, own), batch));
      all.push_back(gathered.narrow(0, 0, std::min(round, count - done)).cpu());
    }
    if (ranks.rank() == 0) take(all);
    context.progress.batch_done();
  }
  context.progress.end();
}

}  // namespace bbg::run
