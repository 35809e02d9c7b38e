#include "ops/gpu_weights.h"

#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "core/error.h"
#include "ops/kernels/layout.h"
#include "ops/tensor_layout.h"

namespace bbg::ops {

namespace {

using layout::kAcross, layout::kLanes, layout::kMaxTaps, layout::kRowsOfTile, layout::kThreads;
using Matrix = layout::MatrixEntry<void>;
using Shape = layout::WeightShape;

constexpr int64_t kMaxRows = 65535;  // blocks along the second dimension

Shape shape_of(const at::Tensor& weight, Resample resample) {
  const layout::Form form = resample == Resample::kPoolAfter        ? layout::kPooled
                            : resample == Resample::kUpsampleBefore ? layout::kUpsampled
                                                                    : layout::kAsItIs;
  return {static_cast<int>(weight.size(0)), static_cast<int>(weight.size(1)),
          weight.dim() == 4 ? static_cast<int>(weight.size(2)) : 1, form};
}

std::array<int64_t, 3> tiles_of(const Shape& shape) {
  const bool is_turned = shape.form == layout::kUpsampled;
  return {blocks_for(shape.in, is_turned ? kAcross : kLanes),
          blocks_for(shape.out, is_turned ? kLanes : kAcross), 1};
}

class EffectiveWeight : public torch::autograd::Function<EffectiveWeight> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& weight,
                            const PowerIteration& iteration, Resample resample, at::ScalarType type,
                            WeightKernels* kernels) {
    context->save_for_backward({weight, iteration.v, iteration.u, iteration.sigma});
    context->saved_data["resample"] = static_cast<int64_t>(resample);
    context->saved_data["kernels"] = reinterpret_cast<int64_t>(kernels);
    return kernels->make_effective(weight, iteration.sigma, resample, type);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto resample = static_cast<Resample>(context->saved_data["resample"].toInt());
    auto* kernels = reinterpret_cast<WeightKernels*>(context->saved_data["kernels"].toInt());
    const PowerIteration iteration{.v = saved[1], .u = saved[2], .sigma = saved[3]};
    at::Tensor of_weight = kernels->gradient(gradients[0], saved[0], iteration, resample);
    return {of_weight, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

WeightKernels::WeightKernels(MakeKernelProgram make)
    : programs_(weights_source(), std::move(make)) {}

void WeightKernels::iterate(SpectralWeights& spectral, double eps, bool move) {
  const auto& weights = spectral.all;
  MatrixTable& table = spectral.table;
  std::vector<Matrix> matrices;
  int64_t rows = 0, columns = 0, tiles = 0;
  for (const auto& weight : weights) {
    const at::Tensor& raw = weight->raw;
    BBG_CHECK(raw.is_contiguous() && weight->u.is_contiguous(), "a matrix with gaps");
    const int64_t own_rows = raw.size(0), own_columns = raw.numel() / own_rows;
    matrices.push_back({.weight = raw.const_data_ptr(),
                        .u = weight->u.mutable_data_ptr(),
                        .first_row = rows,
                        .first_column = columns,
                        .first_tile = tiles,
                        .rows = static_cast<int>(own_rows),
                        .columns = static_cast<int>(own_columns)});
    rows += own_rows;
    columns += blocks_for(own_columns, kThreads) * kThreads;
    tiles += blocks_for(own_rows, kRowsOfTile) * blocks_for(own_columns, kThreads);
  }
  std::vector<uint8_t> bytes(matrices.size() * sizeof(Matrix));
  std::memcpy(bytes.data(), matrices.data(), bytes.size());
  const at::Tensor& first = weights.at(0)->raw;
  if (bytes != table.bytes) {
    table.bytes = std::move(bytes);
    table.on_device = at::from_blob(table.bytes.data(), {std::ssize(table.bytes)}, at::kByte)
                          .to(first.device(), /*non_blocking=*/false, /*copy=*/true);
  }

  const at::TensorOptions options = first.options().requires_grad(false);
  const at::Tensor partial = at::empty({tiles * kThreads}, options),
                   product = at::empty({columns}, options),
                   squares = at::empty({columns / kThreads}, options),
                   of_rows = at::empty({rows}, options), v = at::empty({columns}, options),
                   u = at::empty({rows}, options),
                   sigma = at::empty({std::ssize(matrices)}, options);
  const KernelProgram& program =
      programs_.of(first.scalar_type(), first.scalar_type(), 1, first.device());
  const void *all = data_of(table.on_device), *to_partial = data_of(partial),
             *to_product = data_of(product), *to_squares = data_of(squares),
             *to_rows = data_of(of_rows), *to_v = data_of(v), *to_u = data_of(u),
             *to_sigma = data_of(sigma);
  const int count = static_cast<int>(matrices.size()), moves = move ? 1 : 0;
  const auto small = static_cast<float>(eps);
  const void* least = first.scalar_type() == at::kDouble ? static_cast<const void*>(&eps) : &small;
  program.launch(weight_kernels::add_tiles, {tiles, 1, 1}, kThreads, {&all, &count, &to_partial});
  program.launch(weight_kernels::add_columns, {columns / kThreads, 1, 1}, kThreads,
                 {&all, &count, &to_partial, &to_product, &to_squares});
  program.launch(weight_kernels::multiply_rows, {rows, 1, 1}, kThreads,
                 {&all, &count, &to_product, &to_squares, least, &to_v, &to_rows});
  program.launch(weight_kernels::finish_iterations, {count, 1, 1}, kThreads,
                 {&all, &to_rows, least, &moves, &to_u, &to_sigma});
  for (size_t i = 0; i < matrices.size(); ++i) {
    const Matrix& matrix = matrices[i];
    weights[i]->iteration = {.v = v.narrow(0, matrix.first_column, matrix.columns),
                             .u = u.narrow(0, matrix.first_row, matrix.rows),
                             .sigma = sigma.select(0, static_cast<int64_t>(i))};
  }
}

at::Tensor WeightKernels::make_effective(const at::Tensor& weight, const at::Tensor& sigma,
                                         Resample resample, at::ScalarType type) {
  const Shape shape = shape_of(weight, resample);
  std::vector<int64_t> sizes = weight.sizes().vec();
  if (resample == Resample::kUpsampleBefore) std::swap(sizes[0], sizes[1]);
  if (resample != Resample::kNone) sizes[2] = sizes[3] = 4;
  const at::Tensor effective =
      at::empty(sizes, weight.options().dtype(type).requires_grad(false),
                sizes.size() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
  const void *from = data_of(weight), *norm = data_of(sigma), *to = data_of(effective);
  programs_.of(type, weight.scalar_type(), 1, weight.device())
      .launch(weight_kernels::make_effective, tiles_of(shape), kThreads,
              {&from, &norm, &shape, &to});
  return effective;
}

at::Tensor WeightKernels::gradient(const at::Tensor& of_effective, const at::Tensor& weight,
                                   const PowerIteration& iteration, Resample resample) {
  const Shape shape = shape_of(weight, resample);
  const std::array<int64_t, 3> tiles = tiles_of(shape);
  const at::Tensor given = channels_last(of_effective);
  const at::TensorOptions options = weight.options().requires_grad(false);
  const at::Tensor result = at::empty(weight.sizes(), options);
  const bool is_spectral = iteration.sigma.defined();
  const at::Tensor products =
                       is_spectral ? at::empty({tiles[0] * tiles[1]}, options) : at::Tensor(),
                   total = is_spectral ? at::empty({}, options) : at::Tensor();
  const KernelProgram& program =
      programs_.of(given.scalar_type(), weight.scalar_type(), 1, weight.device());
  const void *from = data_of(given), *raw = data_of(weight), *to = data_of(result),
             *sums = data_of(products), *sum = data_of(total), *norm = data_of(iteration.sigma),
             *u = data_of(iteration.u), *v = data_of(iteration.v);
  program.launch(weight_kernels::fold_gradient, tiles, kThreads, {&from, &raw, &shape, &to, &sums});
  if (!is_spectral) return result;
  const long long count = products.numel();
  const int columns = static_cast<int>(weight.numel() / weight.size(0));
  program.launch(weight_kernels::add_products, {1, 1, 1}, kThreads, {&sums, &count, &sum});
  program.launch(weight_kernels::finish_gradient,
                 {blocks_for(columns, 4 * kThreads), weight.size(0), 1}, kThreads,
                 {&to, &sum, &norm, &u, &v, &columns});
  return result;
}

at::Tensor effective_weight(WeightKernels& kernels, const at::Tensor& weight,
                            const PowerIteration& iteration, Resample resample,
                            at::ScalarType type) {
  return EffectiveWeight::apply(weight, iteration, resample, type, &kernels);
}

bool WeightKernels::takes(const at::Tensor& weight, Resample resample) {
  const bool is_matrix = weight.dim() == 2 && resample == Resample::kNone;
  const bool is_kernel = weight.dim() == 4 && weight.size(2) == weight.size(3) &&
                         (resample == Resample::kNone ? weight.size(2) * weight.size(3) <= kMaxTaps
                                                      : weight.size(2) == 3);
  return (is_matrix || is_kernel) && weight.numel() > 0 && weight.is_contiguous() &&
         weight.size(0) <= kMaxRows && weight.numel() <= std::numeric_limits<int>::max() / 2 &&
         (weight.scalar_type() == at::kFloat || weight.scalar_type() == at::kDouble);
}

}  // namespace bbg::ops
