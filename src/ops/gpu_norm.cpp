#include "ops/gpu_norm.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <optional>

#include "ops/kernels/layout.h"
#include "ops/tensor_layout.h"

namespace bbg::ops {

namespace {

using layout::kChannelsOfBlock, layout::kThreads;
// Blocks that keep any GPU of today busy; a fixed number, since sums depend on it.
constexpr int64_t kBlocks = 2048;
constexpr int64_t kBlocksOfMoments = 512;  // fewer sums to be added up at the end
constexpr int64_t kMaxSamples = 65535;     // blocks along the third dimension

at::ScalarType arithmetic_of(at::ScalarType type) {
  return type == at::kBFloat16 ? at::kFloat : type;
}

// How `rows` rows of one sample, or of all, are cut up for the blocks.
struct Cut {
  int packs, tile;
  int64_t tiles, rows, chunks, chunk;

  Cut(int64_t channels, int64_t width, int64_t rows_of_sample, int64_t samples,
      int64_t blocks = kBlocks)
      : packs(static_cast<int>(channels / width)),
        tile(std::min(packs, kThreads)),
        tiles((packs + tile - 1) / tile),
        rows(rows_of_sample) {
    constexpr int64_t kRowsApiece = 8;  // rows of a thread, at least, where there are so many
    const int64_t most = std::max<int64_t>(1, rows / (kThreads / tile * kRowsApiece));
    chunks = std::clamp<int64_t>(blocks / (samples * tiles), 1, most);
    chunk = (rows + chunks - 1) / chunks;
    chunks = (rows + chunk - 1) / chunk;
  }
};

// The terms of a call, kept until it is enqueued.
struct OwnTerms {
  at::Tensor mean, inverse, gain, bias;
  bool relu;

  explicit OwnTerms(const NormTerms& terms)
      : mean(terms.mean.contiguous()),
        inverse(terms.inverse.contiguous()),
        gain(terms.gain.defined() ? terms.gain.contiguous() : terms.gain),
        bias(terms.bias.defined() ? terms.bias.contiguous() : terms.bias),
        relu(terms.relu) {}

  layout::TermPointers<void> pointers() const {
    const auto stride = [](const at::Tensor& term) {
      return term.defined() && term.dim() == 2 ? term.size(1) : 0;
    };
    return {data_of(mean), data_of(inverse), data_of(gain), data_of(bias),
            stride(gain),  stride(bias),     relu};
  }
};

int64_t width_of(const at::Tensor& x) {
  const int64_t width = 16 / x.element_size();
  const bool is_aligned = reinterpret_cast<uintptr_t>(x.const_data_ptr()) % 16 == 0;
  return x.size(1) % width == 0 && is_aligned ? width : 1;
}

// Options of tensors that are computed from x.
at::TensorOptions options_of(const at::Tensor& x) {
  return x.options().dtype(arithmetic_of(x.scalar_type())).requires_grad(false);
}

int64_t positions(const at::Tensor& x) { return x.numel() / (x.size(0) * x.size(1)); }

class BiasAndEpilogue : public torch::autograd::Function<BiasAndEpilogue> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& y,
                            const at::Tensor& bias, const std::optional<at::Tensor>& skip,
                            bool is_upsampled, bool relu, NormKernels* kernels) {
    kernels->add_epilogue(y, bias, {skip.value_or(at::Tensor()), is_upsampled, relu});
    context->mark_dirty({y});
    context->saved_data["has_skip"] = skip.has_value();
    context->saved_data["is_upsampled"] = is_upsampled;
    context->saved_data["relu"] = relu;
    if (relu) context->save_for_backward({y});
    return y;
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    at::Tensor g = gradients[0];
    if (context->saved_data["relu"].toBool()) {
      g = at::threshold_backward(g, context->get_saved_variables()[0], 0);
    }
    at::Tensor of_skip;
    if (context->saved_data["has_skip"].toBool()) {
      of_skip =
          context->saved_data["is_upsampled"].toBool()
              ? at::upsample_nearest2d_backward(
                    g, {g.size(2), g.size(3)}, {g.size(0), g.size(1), g.size(2) / 2, g.size(3) / 2})
              : g;
    }
    return {g, g.sum({0, 2, 3}), of_skip, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

NormKernels::NormKernels(MakeKernelProgram make) : programs_(norm_source(), std::move(make)) {}

bool NormKernels::takes(const at::Tensor& x) {
  const at::ScalarType type = x.scalar_type();
  return (type == at::kFloat || type == at::kDouble || type == at::kBFloat16) && x.numel() > 0 &&
         (x.dim() == 2 || x.dim() == 4) && x.size(0) <= kMaxSamples;
}

const KernelProgram& NormKernels::program_for(const at::Tensor& x, int64_t width) {
  return programs_.of(x.scalar_type(), arithmetic_of(x.scalar_type()), width, x.device());
}

at::Tensor NormKernels::moments(const at::Tensor& input) {
  const at::Tensor x = channels_last(input);
  const int64_t width = width_of(x), channels = x.size(1);
  const KernelProgram& program = program_for(x, width);
  const Cut cut(channels, width, x.size(0) * positions(x), 1, kBlocksOfMoments);
  const at::TensorOptions options = options_of(x);
  const at::Tensor partial = at::empty({cut.chunks, 2, channels}, options),
                   packed = at::empty({2 * channels + 1}, options);
  const void *data = data_of(x), *sums = data_of(partial), *result = data_of(packed);
  program.launch(norm_kernels::moments, {cut.chunks, cut.tiles, 1}, kThreads,
                 {&data, &cut.rows, &cut.packs, &cut.tile, &cut.chunk, &sums});
  const int chunks = static_cast<int>(cut.chunks), count = static_cast<int>(channels);
  program.launch(norm_kernels::finish_moments, {blocks_for(channels, kChannelsOfBlock), 1, 1},
                 kThreads, {&sums, &chunks, &data, &count, &cut.rows, &result});
  return packed;
}

NormStatistics NormKernels::merge(const at::Tensor& all, double eps,
                                  const RunningStatistics& running) {
  const int ranks = static_cast<int>(all.size(0)), channels = static_cast<int>(all.size(1) / 2);
  const at::Tensor merged = at::empty({3 * channels + 1}, all.options());
  const auto eps32 = static_cast<float>(eps), momentum32 = static_cast<float>(running.momentum);
  const bool is_double = all.scalar_type() == at::kDouble;
  const void *from = data_of(all), *to = data_of(merged), *mean = data_of(running.mean),
             *variance = data_of(running.variance);
  programs_.of(all.scalar_type(), all.scalar_type(), 1, all.device())
      .launch(norm_kernels::merge_moments, {blocks_for(channels, kThreads), 1, 1}, kThreads,
              {&from, &ranks, &channels, is_double ? static_cast<const void*>(&eps) : &eps32,
               is_double ? static_cast<const void*>(&running.momentum) : &momentum32, &mean,
               &variance, &to});
  return {.mean = merged.narrow(0, 0, channels),
          .variance = merged.narrow(0, channels, channels),
          .inverse = merged.narrow(0, 2 * channels, channels),
          .count = merged.select(0, 3 * channels)};
}

at::Tensor NormKernels::forward(const at::Tensor& input, const NormTerms& given) {
  const at::Tensor x = channels_last(input), y = at::empty_like(x);
  const int64_t width = width_of(x);
  const Cut cut(x.size(1), width, positions(x), x.size(0));
  const OwnTerms own(given);
  const layout::TermPointers<void> terms = own.pointers();
  const void *data = data_of(x), *result = data_of(y);
  program_for(x, width).launch(
      norm_kernels::forward, {cut.chunks, cut.tiles, x.size(0)}, kThreads,
      {&data, &cut.rows, &cut.packs, &cut.tile, &cut.chunk, &terms, &result});
  return y;
}

NormGradientSums NormKernels::gradient_sums(const at::Tensor& input, const at::Tensor& gradient,
                                            const NormTerms& given) {
  const at::Tensor x = channels_last(input), g = channels_last(gradient);
  const int64_t width = std::min(width_of(x), width_of(g));
  const Cut cut(x.size(1), width, positions(x), x.size(0));
  const OwnTerms own(given);
  const layout::TermPointers<void> terms = own.pointers();
  const int chunks = static_cast<int>(cut.chunks), samples = static_cast<int>(x.size(0)),
            channels = static_cast<int>(x.size(1));
  const at::Tensor partial = at::empty({chunks, 2, samples, channels}, options_of(x));
  const auto like = [](const at::Tensor& term) {
    return term.defined() ? at::empty(term.sizes(), term.options().requires_grad(false)) : term;
  };
  const NormGradientSums result{.of_gain = like(own.gain),
                                .of_bias = like(own.bias),
                                .sums = at::empty({2, channels}, options_of(x))};
  const void *data = data_of(x), *of_y = data_of(g), *parts_of_sums = data_of(partial),
             *of_gain = data_of(result.of_gain), *of_bias = data_of(result.of_bias),
             *sums = data_of(result.sums);
  const KernelProgram& program = program_for(x, width);
  program.launch(
      norm_kernels::gradient_sums, {cut.chunks, cut.tiles, x.size(0)}, kThreads,
      {&data, &of_y, &cut.rows, &cut.packs, &cut.tile, &cut.chunk, &terms, &parts_of_sums});
  program.launch(norm_kernels::finish_gradient_sums, {blocks_for(channels, kChannelsOfBlock), 1, 1},
                 kThreads,
                 {&parts_of_sums, &chunks, &samples, &channels, &terms, &of_gain, &of_bias, &sums});
  return result;
}

at::Tensor NormKernels::gradient_input(const at::Tensor& input, const at::Tensor& gradient,
                                       const NormTerms& given, const at::Tensor& sums,
                                       const at::Tensor& count) {
  const at::Tensor x = channels_last(input), g = channels_last(gradient), of_x = at::empty_like(x);
  const int64_t width = std::min(width_of(x), width_of(g));
  const Cut cut(x.size(1), width, positions(x), x.size(0));
  const OwnTerms own(given);
  const layout::TermPointers<void> terms = own.pointers();
  const void *data = data_of(x), *of_y = data_of(g), *all = data_of(sums), *of = data_of(count),
             *result = data_of(of_x);
  program_for(x, width).launch(
      norm_kernels::gradient_input, {cut.chunks, cut.tiles, x.size(0)}, kThreads,
      {&data, &of_y, &cut.rows, &cut.packs, &cut.tile, &cut.chunk, &terms, &all, &of, &result});
  return of_x;
}

void NormKernels::add_epilogue(const at::Tensor& x, const at::Tensor& given,
                               const Epilogue& epilogue) {
  const at::Tensor bias = given.contiguous();
  const at::Tensor skip = epilogue.skip.defined() ? channels_last(epilogue.skip) : epilogue.skip;
  const int64_t width = skip.defined() ? std::min(width_of(x), width_of(skip)) : width_of(x);
  const Cut cut(x.size(1), width, x.size(0) * positions(x), 1);
  const void *data = data_of(x), *added = data_of(bias), *beside = data_of(skip);
  const int line = epilogue.is_upsampled ? static_cast<int>(x.size(3)) : 0,
            relu = epilogue.relu ? 1 : 0;
  program_for(x, width).launch(
      norm_kernels::add_epilogue, {cut.chunks, cut.tiles, 1}, kThreads,
      {&data, &cut.rows, &cut.packs, &cut.tile, &cut.chunk, &added, &beside, &line, &relu});
}

at::Tensor apply_epilogue(NormKernels& kernels, const at::Tensor& y, const at::Tensor& bias,
                          const Epilogue& epilogue) {
  const auto skip = epilogue.skip.defined() ? std::optional(epilogue.skip) : std::nullopt;
  return BiasAndEpilogue::apply(y, bias, skip, epilogue.is_upsampled, epilogue.relu, &kernels);
}

}  // namespace bbg::ops
