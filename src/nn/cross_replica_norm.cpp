#include "nn/cross_replica_norm.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/cuda_norm.h"

namespace bbg::nn {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

// Biased -> unbiased. count is on the device: nothing here waits for it.
at::Tensor unbiased(const at::Tensor& variance, const at::Tensor& count) {
  return variance * (count / (count - 1).clamp_min(1));
}

ops::NormStatistics merged_moments(const at::Tensor& x, comm::Communicator& communicator,
                                   double eps) {
  const auto [mean, variance] = ops::channel_moments(x);
  const double own_count = static_cast<double>(x.numel() / x.size(1));
  const at::Tensor count = at::full({1}, own_count, mean.options());
  if (communicator.size() == 1) return {mean, variance, (variance + eps).rsqrt(), count[0]};
  const at::Tensor own = at::cat({mean, variance, count});
  const at::Tensor all = communicator.all_gather(own.unsqueeze(0));  // [ranks, 2C + 1]
  const int64_t channels = x.size(1);
  const at::Tensor means = all.narrow(1, 0, channels);
  const at::Tensor variances = all.narrow(1, channels, channels);
  const at::Tensor counts = all.narrow(1, 2 * channels, 1);
  const at::Tensor total = counts.sum();
  const at::Tensor merged = (means * counts).sum(0) / total;
  const at::Tensor merged_variance =
      ((variances + (means - merged).square()) * counts).sum(0) / total;
  return {merged, merged_variance, (merged_variance + eps).rsqrt(), total};
}

ops::NormStatistics statistics_of(const at::Tensor& x, comm::Communicator& communicator, double eps,
                                  const ops::RunningStatistics& running) {
  if (ops::cuda::has_kernel(x)) {
    ops::NormKernels& kernels = ops::cuda::norm_kernels();
    const at::Tensor own = kernels.moments(x).unsqueeze(0);
    return kernels.merge(communicator.size() == 1 ? own : communicator.all_gather(own), eps,
                         running);
  }
  ops::NormStatistics statistics = merged_moments(x, communicator, eps);
  if (running.mean.defined()) {
    at::Tensor(running.mean).lerp_(statistics.mean, running.momentum);
    at::Tensor(running.variance)
        .lerp_(unbiased(statistics.variance, statistics.count), running.momentum);
  }
  return statistics;
}

// [N, C] -> the shape of gain or bias
at::Tensor as_term(const at::Tensor& of_samples, int64_t dimensions) {
  return dimensions == 1 ? of_samples.sum(0) : of_samples;
}

at::Tensor forward_of(const at::Tensor& x, const ops::NormTerms& terms) {
  return ops::cuda::has_kernel(x) ? ops::cuda::norm_kernels().forward(x, terms)
                                  : ops::norm_forward(x, terms);
}

ops::NormGradientSums gradient_sums_of(const at::Tensor& x, const at::Tensor& g,
                                       const ops::NormTerms& terms) {
  if (ops::cuda::has_kernel(x)) return ops::cuda::norm_kernels().gradient_sums(x, g, terms);
  const auto [of_bias, of_gain] = ops::norm_gradient_sums(x, g, terms);  // [N, C]
  at::Tensor sums = at::stack({of_bias, of_gain});
  if (terms.gain.defined()) sums = sums * terms.gain;
  return {.of_gain = terms.gain.defined() ? as_term(of_gain, terms.gain.dim()) : at::Tensor(),
          .of_bias = terms.bias.defined() ? as_term(of_bias, terms.bias.dim()) : at::Tensor(),
          .sums = sums.sum(1)};
}

at::Tensor gradient_input_of(const at::Tensor& x, const at::Tensor& g, const ops::NormTerms& terms,
                             const at::Tensor& sums, const at::Tensor& count) {
  if (ops::cuda::has_kernel(x)) {
    return ops::cuda::norm_kernels().gradient_input(x, g, terms, sums, count);
  }
  const at::Tensor means = sums / count;
  return ops::norm_gradient_input(x, g, terms, means[0], means[1]);
}

class Normalise : public torch::autograd::Function<Normalise> {
 public:
  static variable_list forward(AutogradContext* context, const Variable& x,
                               const std::optional<Variable>& gain_term,
                               const std::optional<Variable>& bias_term, bool relu, double eps,
                               int64_t communicator_address,
                               const ops::RunningStatistics& running) {
    const Variable gain = gain_term.value_or(Variable()), bias = bias_term.value_or(Variable());
    auto& communicator = *reinterpret_cast<comm::Communicator*>(communicator_address);
    const ops::NormStatistics statistics = statistics_of(x, communicator, eps, running);
    const ops::NormTerms terms = {statistics.mean, statistics.inverse, gain, bias, relu};
    const at::Tensor output = forward_of(x, terms);
    context->save_for_backward({x, gain, bias, terms.mean, terms.inverse, statistics.count});
    context->saved_data["relu"] = relu;
    context->saved_data["communicator"] = communicator_address;
    context->mark_non_differentiable({statistics.mean, statistics.variance, statistics.count});
    return {output, statistics.mean, statistics.variance, statistics.count};
  }

  // d/dx of n = (x - mean) / std, y = gain n + bias: g <- (gain g - mean(gain g) -
  // n mean(gain g n)) / std, both means over all ranks; of gain and bias: this rank's share.
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& x = saved[0];
    const ops::NormTerms terms = {saved[3], saved[4], saved[1], saved[2],
                                  context->saved_data["relu"].toBool()};
    auto& communicator =
        *reinterpret_cast<comm::Communicator*>(context->saved_data["communicator"].toInt());
    ops::NormGradientSums of = gradient_sums_of(x, gradients[0], terms);
    communicator.all_reduce(of.sums, comm::Reduce::kSum);
    return {gradient_input_of(x, gradients[0], terms, of.sums, saved[5]),
            of.of_gain,
            of.of_bias,
            Variable(),
            Variable(),
            Variable(),
            Variable()};
  }
};

}  // namespace

Normalised cross_replica_normalise(const at::Tensor& x, double eps,
                                   comm::Communicator& communicator, const NormEpilogue& epilogue,
                                   const ops::RunningStatistics& running) {
  const auto optional = [](const at::Tensor& term) {
    return term.defined() ? std::optional<Variable>(term) : std::nullopt;
  };
  const variable_list results =
      Normalise::apply(x, optional(epilogue.gain), optional(epilogue.bias), epilogue.relu, eps,
                       static_cast<int64_t>(reinterpret_cast<intptr_t>(&communicator)), running);
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

at::Tensor CrossReplicaNorm::operator()(const at::Tensor& x, const NormEpilogue& epilogue) {
  const Settings& settings = context_->settings;
  if (context_->mode == Mode::kEvaluate) {
    const at::Tensor inverse = (state_->running_var + settings.bn_eps).rsqrt();
    const ops::NormTerms terms = {state_->running_mean, inverse, epilogue.gain, epilogue.bias,
                                  epilogue.relu};
    // ATen's functions where gradients pass through.
    return at::GradMode::is_enabled() ? ops::plain::norm_forward(x, terms) : forward_of(x, terms);
  }
  ops::RunningStatistics running;
  if (context_->mode == Mode::kTrain && !context_->is_recomputing) {
    running = {state_->running_mean, state_->running_var, settings.bn_momentum};
  }
  const Normalised result =
      cross_replica_normalise(x, settings.bn_eps, context_->communicator, epilogue, running);
  if (context_->mode == Mode::kStanding && !context_->is_recomputing) {
    const at::NoGradGuard no_grad;
    state_->mean_sum.add_(result.mean);
    state_->var_sum.add_(unbiased(result.variance, result.count));
    ++state_->passes;
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

}  // namespace bbg::nn
