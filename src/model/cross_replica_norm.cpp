#include "model/cross_replica_norm.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "model/norm_kernels.h"

namespace bbg::model {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

struct Moments {
  at::Tensor mean, variance;  // [C]
  at::Tensor count;           // scalar, on the device: nothing here waits for it
};

Moments merged_moments(const at::Tensor& x, comm::Communicator& communicator) {
  const auto [mean, variance] = channel_moments(x);
  const double own_count = static_cast<double>(x.numel() / x.size(1));
  const at::Tensor count = at::full({1}, own_count, mean.options());
  if (communicator.size() == 1) return {mean, variance, count[0]};
  const at::Tensor own = at::cat({mean, variance, count});
  const at::Tensor all = communicator.all_gather(own.unsqueeze(0));  // [ranks, 2C + 1]
  const int64_t channels = x.size(1);
  const at::Tensor means = all.narrow(1, 0, channels);
  const at::Tensor variances = all.narrow(1, channels, channels);
  const at::Tensor counts = all.narrow(1, 2 * channels, 1);
  const at::Tensor total = counts.sum();
  const at::Tensor merged = (means * counts).sum(0) / total;
  const at::Tensor m2 = ((variances + (means - merged).square()) * counts).sum(0);
  return {merged, m2 / total, total};
}

// [N, C] -> the shape of gain or bias
at::Tensor as_term(const at::Tensor& of_samples, int64_t dimensions) {
  return dimensions == 1 ? of_samples.sum(0) : of_samples;
}

class Normalise : public torch::autograd::Function<Normalise> {
 public:
  static variable_list forward(AutogradContext* context, const Variable& x,
                               const std::optional<Variable>& gain_term,
                               const std::optional<Variable>& bias_term, bool relu, double eps,
                               int64_t communicator_address) {
    const Variable gain = gain_term.value_or(Variable()), bias = bias_term.value_or(Variable());
    auto& communicator = *reinterpret_cast<comm::Communicator*>(communicator_address);
    const Moments moments = merged_moments(x, communicator);
    const at::Tensor inverse = (moments.variance + eps).rsqrt();
    const at::Tensor output = norm_forward(x, {moments.mean, inverse, gain, bias, relu});
    context->save_for_backward({x, gain, bias, moments.mean, inverse, moments.count});
    context->saved_data["relu"] = relu;
    context->saved_data["communicator"] = communicator_address;
    context->mark_non_differentiable({moments.mean, moments.variance, moments.count});
    return {output, moments.mean, moments.variance, moments.count};
  }

  // d/dx of n = (x - mean) / std, y = gain n + bias: g <- (gain g - mean(gain g) -
  // n mean(gain g n)) / std, both means over all ranks; of gain and bias: this rank's share.
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &gain = saved[1], &bias = saved[2];
    const NormTerms terms = {saved[3], saved[4], gain, bias, context->saved_data["relu"].toBool()};
    auto& communicator =
        *reinterpret_cast<comm::Communicator*>(context->saved_data["communicator"].toInt());
    const auto [of_bias, of_gain] = norm_gradient_sums(x, gradients[0], terms);  // [N, C]
    at::Tensor sums = at::stack({of_bias, of_gain});
    if (gain.defined()) sums = sums * gain;
    sums = sums.sum(1);  // [2, C]
    communicator.all_reduce(sums, comm::Reduce::kSum);
    sums = sums / saved[5];
    return {norm_gradient_input(x, gradients[0], terms, sums[0], sums[1]),
            gain.defined() ? as_term(of_gain, gain.dim()) : Variable(),
            bias.defined() ? as_term(of_bias, bias.dim()) : Variable(),
            Variable(),
            Variable(),
            Variable()};
  }
};

}  // namespace

Normalised cross_replica_normalise(const at::Tensor& x, double eps,
                                   comm::Communicator& communicator, const AfterNorm& after) {
  const auto optional = [](const at::Tensor& term) {
    return term.defined() ? std::optional<Variable>(term) : std::nullopt;
  };
  const variable_list results =
      Normalise::apply(x, optional(after.gain), optional(after.bias), after.relu, eps,
                       static_cast<int64_t>(reinterpret_cast<intptr_t>(&communicator)));
  return {results[0], results[1], results[2], results[3]};
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
  context.statistics.insert(context.statistics.end(), {state_->running_mean, state_->running_var});
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

at::Tensor CrossReplicaNorm::operator()(const at::Tensor& x, const AfterNorm& after) {
  const ModelOptions& options = context_->options;
  if (context_->mode == Mode::kEvaluate) {
    const at::Tensor inverse = (state_->running_var + options.bn_eps).rsqrt();
    // ATen's functions: gradients pass through an evaluating network too.
    return plain::norm_forward(x,
                               {state_->running_mean, inverse, after.gain, after.bias, after.relu});
  }
  const Normalised result =
      cross_replica_normalise(x, options.bn_eps, context_->communicator, after);
  if (context_->is_recomputing) return result.output;
  const at::NoGradGuard no_grad;
  const at::Tensor unbiased = result.variance * (result.count / (result.count - 1).clamp_min(1));
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

at::Tensor BatchNorm::operator()(const at::Tensor& x, bool relu) {
  return norm_(x, {.gain = weight_, .bias = bias_, .relu = relu});
}

}  // namespace bbg::model
