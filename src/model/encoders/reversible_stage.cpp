#include "model/encoders/reversible_stage.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <utility>

#include "core/error.h"

namespace bbg::model {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

std::pair<at::Tensor, at::Tensor> halves(const at::Tensor& x) {
  const std::vector<at::Tensor> parts = x.chunk(2, 1);
  return {parts[0], parts[1]};
}

}  // namespace

// The parameters are inputs too, so that autograd adds their gradients as it does elsewhere: once,
// in place where there is one already.
class ReversibleStage::Recomputed : public torch::autograd::Function<Recomputed> {
 public:
  static Variable forward(AutogradContext* context, const Variable& x, ReversibleStage* stage,
                          at::TensorList parameters) {
    const at::Tensor y = stage->forward(x);
    // The parameters only so that a change before backward is found.
    variable_list saved = {y};
    saved.insert(saved.end(), parameters.begin(), parameters.end());
    context->save_for_backward(std::move(saved));
    context->saved_data["stage"] = static_cast<int64_t>(reinterpret_cast<intptr_t>(stage));
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    BBG_CHECK(!at::GradMode::is_enabled(), "a reversible stage has no second derivative");
    auto& stage = *reinterpret_cast<ReversibleStage*>(context->saved_data["stage"].toInt());
    const nn::Recomputation recomputation(*stage.context_, nn::Mode::kTrain);
    auto [y1, y2] = halves(context->get_saved_variables()[0]);
    auto [g1, g2] = halves(gradients[0]);
    variable_list of_parameters(stage.parameters_.size());
    auto first = of_parameters.end();
    for (auto unit = stage.units_.rbegin(); unit != stage.units_.rend(); ++unit) {
      if (unit + 1 == stage.units_.rend()) y1 = stage.with_exact_zeros(y1);
      first -= static_cast<std::ptrdiff_t>(unit->parameters.size());
      const auto [x1, of_x2] = step_back(*unit, y1, y2, g2, first);
      // d/dx1 = g2, d/dx2 = g1 + g2 dF/dx2; the unit's input is the output of the one before.
      y2 = std::exchange(y1, x1);
      g1 = std::exchange(g2, g1 + of_x2);
    }
    variable_list results = {stage.without_zeros(at::cat({g1, g2}, 1)), Variable()};
    results.insert(results.end(), of_parameters.begin(), of_parameters.end());
    return results;
  }

 private:
  // Runs F on x2 = y1 with a graph: x1 = y2 - F(x2), and g2 dF/dx2. Writes g2 dF/dparameter from
  // `of_parameters` on, nothing where a parameter is frozen.
  static std::pair<at::Tensor, at::Tensor> step_back(Unit& unit, const at::Tensor& y1,
                                                     const at::Tensor& y2, const at::Tensor& g2,
                                                     variable_list::iterator of_parameters) {
    const at::AutoGradMode with_graph(true);
    const at::Tensor x2 = y1.detach().set_requires_grad(true);
    const at::Tensor f = unit(x2);
    variable_list inputs = {x2};
    for (const at::Tensor& parameter : unit.parameters) {
      if (parameter.requires_grad()) inputs.push_back(parameter);
    }
    const variable_list results = torch::autograd::grad({f}, inputs, {g2});
    auto result = results.begin() + 1;
    for (const at::Tensor& parameter : unit.parameters) {
      if (parameter.requires_grad()) *of_parameters = *result++;
      ++of_parameters;
    }
    return {y2 - f.detach(), results[0]};
  }
};

ReversibleStage::ReversibleStage(nn::Context& context, const nn::Scope& scope, int64_t in,
                                 int64_t channels, int64_t num_units, bool recompute)
    : context_(&context), recompute_(recompute), in_(in), zeros_((channels - in) / 2) {
  BBG_CHECK(channels % 8 == 0, "a reversible unit's bottleneck has an eighth of its channels");
  BBG_CHECK(in + 2 * zeros_ == channels && zeros_ <= channels / 4, "zeros that fill a half");
  const int64_t half = channels / 2;
  const std::vector<nn::NamedTensor>& declared = scope.store().parameters();
  for (int64_t i = 0; i < num_units; ++i) {
    const size_t before = declared.size();
    Bottleneck bottleneck(context, scope / std::to_string(i),
                          {.in = half, .inner = half / 4, .out = half});
    std::vector<at::Tensor> own;
    for (size_t k = before; k < declared.size(); ++k) own.push_back(declared[k].tensor);
    parameters_.insert(parameters_.end(), own.begin(), own.end());
    units_.push_back({std::move(bottleneck), std::move(own)});
  }
}

at::Tensor ReversibleStage::operator()(const at::Tensor& x) {
  if (!recompute_ || !at::GradMode::is_enabled() || context_->mode != nn::Mode::kTrain) {
    return forward(x);
  }
  return Recomputed::apply(x, this, at::TensorList(parameters_));
}

at::Tensor ReversibleStage::forward(const at::Tensor& x) {
  auto [x1, x2] = halves(zeros_ > 0 ? at::constant_pad_nd(x, {0, 0, 0, 0, zeros_, zeros_}) : x);
  for (Unit& unit : units_) x1 = std::exchange(x2, x1 + unit(x2));
  return at::cat({x1, x2}, 1);
}

at::Tensor ReversibleStage::inverse(const at::Tensor& y) {
  const at::NoGradGuard no_grad;
  const nn::Recomputation recomputation(*context_, context_->mode);
  auto [y1, y2] = halves(y);
  for (auto unit = units_.rbegin(); unit != units_.rend(); ++unit) {
    if (unit + 1 == units_.rend()) y1 = with_exact_zeros(y1);
    y2 = std::exchange(y1, y2 - (*unit)(y1));
  }
  return without_zeros(at::cat({y1, y2}, 1));
}

at::Tensor ReversibleStage::with_exact_zeros(const at::Tensor& x2) const {
  if (zeros_ == 0) return x2;
  return at::constant_pad_nd(x2.narrow(1, 0, x2.size(1) - zeros_), {0, 0, 0, 0, 0, zeros_});
}

at::Tensor ReversibleStage::without_zeros(const at::Tensor& x) const {
  return x.narrow(1, zeros_, in_);
}

}  // namespace bbg::model
