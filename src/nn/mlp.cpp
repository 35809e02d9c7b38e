#include "nn/mlp.h"

namespace bbg::nn {

ResidualMlp::ResidualMlp(Context& context, const Scope& scope, int64_t in, int64_t width,
                         int64_t depth, bool spectral)
    : out_(depth > 0 ? width : in) {
  for (int64_t i = 0; i < depth; ++i) {
    const Scope block = scope / ("blocks." + std::to_string(i));
    const int64_t from = i == 0 ? in : width;
    Linear linear1(context, block / "linear1", from, width, true, spectral);
    Linear linear2(context, block / "linear2", width, width, true, spectral);
    std::optional<Linear> skip;
    if (i == 0) skip.emplace(context, block / "skip", in, width, true, spectral);
    blocks_.push_back({std::move(linear1), std::move(linear2), std::move(skip)});
  }
}

at::Tensor ResidualMlp::operator()(const at::Tensor& x) const {
  at::Tensor h = x;
  for (const Block& block : blocks_) {
    const at::Tensor entry = block.skip ? h : at::relu(h);
    const at::Tensor branch = block.linear2(at::relu(block.linear1(entry)));
    h = (block.skip ? (*block.skip)(h) : h) + branch;
  }
  return blocks_.empty() ? h : at::relu(h);
}

}  // namespace bbg::nn
