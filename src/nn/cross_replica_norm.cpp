#include "nn/cross_replica_norm.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/plain_norm.h"

namespace bbg::nn {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

class Normalise : public torch::autograd::Function<Normalise> {
 public:
  static constexpr size_t kNumArguments = 8;  // forward()'s, after the context

  static variable_list forward(AutogradContext* context, const Variable& x,
                               const std::optional<Variable>& gain_term,
                               const std::optional<Variable>& bias_term, bool relu, double eps,
                               comm::Communicator* communicator, ops::Ops* ops,
                               const ops::RunningStatistics& running) {
    const Variable gain = gain_term.value_or(Variable()), bias = bias_term.value_or(Variable());
    const at::Tensor own = ops->norm_moments(x).unsqueeze(0);
    const ops::NormStatistics statistics = ops->merge_norm_moments(
        communicator->size() == 1 ? own : communicator->all_gather(own), eps, running);
    const ops::NormTerms terms = {statistics.mean, statistics.inverse, gain, bias, relu};
    const at::Tensor output = ops->norm_forward(x, terms);
    context->save_for_backward({x, gain, bias, terms.mean, terms.inverse, statistics.count});
    context->saved_data["relu"] = relu;
    context->saved_data["communicator"] = reinterpret_cast<int64_t>(communicator);
    context->saved_data["ops"] = reinterpret_cast<int64_t>(ops);
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
    auto* communicator =
        reinterpret_cast<comm::Communicator*>(context->saved_data["communicator"].toInt());
    auto* ops = reinterpret_cast<ops::Ops*>(context->saved_data["ops"].toInt());
    ops::NormGradientSums own = ops->norm_gradient_sums(x, gradients[0], terms);
    communicator->all_reduce(own.sums, comm::Reduce::kSum);
    variable_list results(kNumArguments);
    results[0] = ops->norm_gradient_input(x, gradients[0], terms, own.sums, saved[5]);
    results[1] = own.of_gain;
    results[2] = own.of_bias;
    return results;
  }
};

}  // namespace

Normalised cross_replica_normalise(const at::Tensor& x, double eps,
                                   comm::Communicator& communicator, ops::Ops& ops,
                                   const NormEpilogue& epilogue,
                                   const ops::RunningStatistics& running) {
  const auto optional = [](const at::Tensor& term) {
    return term.defined() ? std::optional<Variable>(term) : std::nullopt;
  };
  const variable_list results =
      Normalise::apply(x, optional(epilogue.gain), optional(epilogue.bias), epilogue.relu, eps,
                       &communicator, &ops, running);
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
    return at::GradMode::is_enabled() ? ops::plain::norm_forward(x, terms)
                                      : context_->ops.norm_forward(x, terms);
  }
  ops::RunningStatistics running;
  if (context_->mode == Mode::kTrain && !context_->is_recomputing) {
    running = {state_->running_mean, state_->running_var, settings.bn_momentum};
  }
  const Normalised result = cross_replica_normalise(x, settings.bn_eps, context_->communicator,
                                                    context_->ops, epilogue, running);
  if (context_->mode == Mode::kStanding && !context_->is_recomputing) {
    const at::NoGradGuard no_grad;
    state_->mean_sum.add_(result.mean);
    state_->var_sum.add_(ops::plain::unbiased(result.variance, result.count));
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
