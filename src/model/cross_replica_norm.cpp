#include "model/cross_replica_norm.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

namespace bbg::model {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

// [C] -> broadcastable over [N, C, ...]
at::Tensor per_channel(const at::Tensor& values, int64_t dimensions) {
  std::vector<int64_t> shape(static_cast<size_t>(dimensions), 1);
  shape[1] = -1;
  return values.view(shape);
}

std::vector<int64_t> all_but_channels(int64_t dimensions) {
  std::vector<int64_t> reduced;
  for (int64_t i = 0; i < dimensions; ++i) {
    if (i != 1) reduced.push_back(i);
  }
  return reduced;
}

struct Moments {
  at::Tensor mean, variance;
  double count;
};

Moments merged_moments(const at::Tensor& x, comm::Communicator& communicator) {
  const auto [variance, mean] = at::var_mean(x, all_but_channels(x.dim()), /*correction=*/0);
  const double own_count = static_cast<double>(x.numel() / x.size(1));
  if (communicator.size() == 1) return {mean, variance, own_count};
  const at::Tensor own = at::cat({mean, variance, at::full({1}, own_count, mean.options())});
  const at::Tensor all = communicator.all_gather(own.unsqueeze(0));  // [ranks, 2C + 1]
  const int64_t channels = x.size(1);
  const at::Tensor means = all.narrow(1, 0, channels);
  const at::Tensor variances = all.narrow(1, channels, channels);
  const at::Tensor counts = all.narrow(1, 2 * channels, 1);
  const at::Tensor total = counts.sum();
  const at::Tensor merged = (means * counts).sum(0) / total;
  const at::Tensor m2 = ((variances + (means - merged).square()) * counts).sum(0);
  return {merged, m2 / total, total.item<double>()};
}

class Normalise : public torch::autograd::Function<Normalise> {
 public:
  static variable_list forward(AutogradContext* context, const Variable& x, double eps,
                               int64_t communicator_address) {
    auto& communicator = *reinterpret_cast<comm::Communicator*>(communicator_address);
    const Moments moments = merged_moments(x, communicator);
    const at::Tensor inverse = (moments.variance + eps).rsqrt();
    const at::Tensor output =
        (x - per_channel(moments.mean, x.dim())) * per_channel(inverse, x.dim());
    context->save_for_backward({output, inverse});
    context->saved_data["communicator"] = communicator_address;
    context->saved_data["count"] = moments.count;
    const at::Tensor count = at::scalar_tensor(moments.count, at::kDouble);
    context->mark_non_differentiable({moments.mean, moments.variance, count});
    return {output, moments.mean, moments.variance, count};
  }

  // d/dx of (x - mean) / std: g <- (g - mean(g) - y mean(g y)) / std, both means over all ranks.
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &output = saved[0], &inverse = saved[1], &gradient = gradients[0];
    auto& communicator =
        *reinterpret_cast<comm::Communicator*>(context->saved_data["communicator"].toInt());
    const std::vector<int64_t> reduced = all_but_channels(output.dim());
    at::Tensor sums = at::stack({gradient.sum(reduced), (gradient * output).sum(reduced)});
    communicator.all_reduce(sums, comm::Reduce::kSum);
    sums = sums / context->saved_data["count"].toDouble();
    const at::Tensor centred = at::addcmul(gradient - per_channel(sums[0], output.dim()), output,
                                           per_channel(sums[1], output.dim()), -1);
    return {centred * per_channel(inverse, output.dim()), Variable(), Variable()};
  }
};

}  // namespace

Normalised cross_replica_normalise(const at::Tensor& x, double eps,
                                   comm::Communicator& communicator) {
  const variable_list results =
      Normalise::apply(x, eps, static_cast<int64_t>(reinterpret_cast<intptr_t>(&communicator)));
  return {results[0], results[1], results[2], results[3].item<double>()};
}

struct CrossReplicaNorm::State {
  at::Tensor running_mean, running_var;
  at::Tensor mean_sum, var_sum;  // standing statistics under way
  int64_t passes = 0;
};

CrossReplicaNorm::CrossReplicaNorm(Context& context, const Scope& scope, int64_t channels)
    : context_(&context), state_(std::make_shared<State>()) {
  state_->running_mean = scope.buffer("running_mean", {channels}, 0);
  state_->running_var = scope.buffer("running_var", {channels}, 1);
  context.begin_standing.push_back([state = state_] {
    state->mean_sum = at::zeros_like(state->running_mean);
    state->var_sum = at::zeros_like(state->running_var);
    state->passes = 0;
  });
  context.finish_standing.push_back([state = state_] {
    if (state->passes == 0) return;
    state->running_mean.copy_(state->mean_sum / static_cast<double>(state->passes));
    state->running_var.copy_(state->var_sum / static_cast<double>(state->passes));
  });
}

at::Tensor CrossReplicaNorm::normalise(const at::Tensor& x) {
  const ModelOptions& options = context_->options;
  if (context_->mode == Mode::kEvaluate) {
    const at::Tensor inverse = (state_->running_var + options.bn_eps).rsqrt();
    return (x - per_channel(state_->running_mean, x.dim())) * per_channel(inverse, x.dim());
  }
  const Normalised result = cross_replica_normalise(x, options.bn_eps, context_->communicator);
  if (context_->is_recomputing) return result.output;
  const at::NoGradGuard no_grad;
  const at::Tensor unbiased = result.variance * (result.count / std::max(1.0, result.count - 1));
  if (context_->mode == Mode::kStanding) {
    state_->mean_sum.add_(result.mean);
    state_->var_sum.add_(unbiased);
    ++state_->passes;
  } else {
    state_->running_mean.lerp_(result.mean, options.bn_momentum);
    state_->running_var.lerp_(unbiased, options.bn_momentum);
  }
  return result.output;
}

BatchNorm::BatchNorm(Context& context, const Scope& scope, int64_t channels)
    : norm_(context, scope, channels),
      weight_(scope.parameter("weight", {channels}, Start::kOne)),
      bias_(scope.parameter("bias", {channels}, Start::kZero)) {}

at::Tensor BatchNorm::operator()(const at::Tensor& x) {
  return at::addcmul(per_channel(bias_, x.dim()), norm_.normalise(x),
                     per_channel(weight_, x.dim()));
}

}  // namespace bbg::model
