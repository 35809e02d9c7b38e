#include "model/cuda_norm.h"

#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <optional>

#include "model/layers.h"

namespace bbg::model {

namespace {

constexpr int kThreads = 256;
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
    constexpr int64_t kRowsApiece = 8;  // of a thread, at least, where there are so many
    const int64_t most = std::max<int64_t>(1, rows / (kThreads / tile * kRowsApiece));
    chunks = std::clamp<int64_t>(blocks / (samples * tiles), 1, most);
    chunk = (rows + chunks - 1) / chunks;
    chunks = (rows + chunk - 1) / chunk;
  }
};

// Terms of the source.
struct TermPointers {
  const void *mean, *inverse, *gain, *bias;
  long long gain_stride, bias_stride;
  int relu;
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

  TermPointers pointers() const {
    const auto stride = [](const at::Tensor& term) {
      return term.defined() && term.dim() == 2 ? term.size(1) : 0;
    };
    const auto data = [](const at::Tensor& term) {
      return term.defined() ? term.const_data_ptr() : nullptr;
    };
    return {data(mean), data(inverse), data(gain), data(bias), stride(gain), stride(bias), relu};
  }
};

int64_t width_of(const at::Tensor& x) {
  const int64_t width = 16 / x.element_size();
  const bool is_aligned = reinterpret_cast<uintptr_t>(x.const_data_ptr()) % 16 == 0;
  return x.size(1) % width == 0 && is_aligned ? width : 1;
}

int64_t positions(const at::Tensor& x) { return x.numel() / (x.size(0) * x.size(1)); }

class EndedConvolution : public torch::autograd::Function<EndedConvolution> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& y,
                            const at::Tensor& bias, const std::optional<at::Tensor>& skip,
                            bool is_upsampled, bool relu, NormKernels* kernels) {
    kernels->end_convolution(y, bias, {skip.value_or(at::Tensor()), is_upsampled, relu});
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

const KernelProgram& NormKernels::program_for(const at::Tensor& x, int64_t width) {
  return programs_.of(x.scalar_type(), arithmetic_of(x.scalar_type()), width, x.device());
}

std::pair<at::Tensor, at::Tensor> NormKernels::channel_moments(const at::Tensor& input) {
  const at::Tensor x = channels_last(input);
  const int64_t width = width_of(x), channels = x.size(1);
  const KernelProgram& program = program_for(x, width);
  const Cut cut(channels, width, x.size(0) * positions(x), 1, kBlocksOfMoments);
  const at::TensorOptions options = x.options().dtype(arithmetic_of(x.scalar_type()));
  const at::Tensor partial = at::empty({cut.chunks, 2, channels}, options);
  const void *data = x.const_data_ptr(), *sums = partial.const_data_ptr();
  program.launch("moments", {cut.chunks, cut.tiles, 1}, kThreads,
                 {&data, &cut.rows, &cut.packs, &cut.tile, &cut.chunk, &sums});
  const at::Tensor mean = at::empty({channels}, options), variance = at::empty_like(mean);
  const void *of_mean = mean.const_data_ptr(), *of_variance = variance.const_data_ptr();
  const int chunks = static_cast<int>(cut.chunks), count = static_cast<int>(channels);
  program.launch("finish_moments", {(channels + 7) / 8, 1, 1}, kThreads,
                 {&sums, &chunks, &data, &count, &cut.rows, &of_mean, &of_variance});
  return {mean, variance};
}

at::Tensor NormKernels::norm_forward(const at::Tensor& input, const NormTerms& given) {
  const at::Tensor x = channels_last(input), y = at::empty_like(x);
  const int64_t width = width_of(x);
  const Cut cut(x.size(1), width, positions(x), x.size(0));
  const OwnTerms own(given);
  const TermPointers terms = own.pointers();
  const void *data = x.const_data_ptr(), *result = y.const_data_ptr();
  program_for(x, width).launch(
      "forward", {cut.chunks, cut.tiles, x.size(0)}, kThreads,
      {&data, &cut.rows, &cut.packs, &cut.tile, &cut.chunk, &terms, &result});
  return y;
}

std::pair<at::Tensor, at::Tensor> NormKernels::norm_gradient_sums(const at::Tensor& input,
                                                                  const at::Tensor& gradient,
                                                                  const NormTerms& given) {
  const at::Tensor x = channels_last(input), g = channels_last(gradient);
  const int64_t width = std::min(width_of(x), width_of(g));
  const Cut cut(x.size(1), width, positions(x), x.size(0));
  const OwnTerms own(given);
  const TermPointers terms = own.pointers();
  const at::Tensor partial = at::empty({cut.chunks, 2, x.size(0), x.size(1)},
                                       x.options().dtype(arithmetic_of(x.scalar_type())));
  const void *data = x.const_data_ptr(), *of_y = g.const_data_ptr(),
             *sums = partial.const_data_ptr();
  program_for(x, width).launch(
      "gradient_sums", {cut.chunks, cut.tiles, x.size(0)}, kThreads,
      {&data, &of_y, &cut.rows, &cut.packs, &cut.tile, &cut.chunk, &terms, &sums});
  const at::Tensor total = cut.chunks == 1 ? partial[0] : partial.sum(0);
  return {total[0], total[1]};
}

at::Tensor NormKernels::norm_gradient_input(const at::Tensor& input, const at::Tensor& gradient,
                                            const NormTerms& given, const at::Tensor& mean_g,
                                            const at::Tensor& mean_gn) {
  const at::Tensor x = channels_last(input), g = channels_last(gradient),
                   own_g = mean_g.contiguous(), own_gn = mean_gn.contiguous(),
                   of_x = at::empty_like(x);
  const int64_t width = std::min(width_of(x), width_of(g));
  const Cut cut(x.size(1), width, positions(x), x.size(0));
  const OwnTerms own(given);
  const TermPointers terms = own.pointers();
  const void *data = x.const_data_ptr(), *of_y = g.const_data_ptr(), *of_g = own_g.const_data_ptr(),
             *of_gn = own_gn.const_data_ptr(), *result = of_x.const_data_ptr();
  program_for(x, width).launch(
      "gradient_input", {cut.chunks, cut.tiles, x.size(0)}, kThreads,
      {&data, &of_y, &cut.rows, &cut.packs, &cut.tile, &cut.chunk, &terms, &of_g, &of_gn, &result});
  return of_x;
}

void NormKernels::end_convolution(const at::Tensor& x, const at::Tensor& given,
                                  const After& after) {
  const at::Tensor bias = given.contiguous();
  const at::Tensor skip = after.skip.defined() ? channels_last(after.skip) : after.skip;
  const int64_t width = skip.defined() ? std::min(width_of(x), width_of(skip)) : width_of(x);
  const Cut cut(x.size(1), width, x.size(0) * positions(x), 1);
  const void *data = x.const_data_ptr(), *added = bias.const_data_ptr(),
             *beside = skip.defined() ? skip.const_data_ptr() : nullptr;
  const int line = after.is_upsampled ? static_cast<int>(x.size(3)) : 0, relu = after.relu ? 1 : 0;
  program_for(x, width).launch(
      "end_convolution", {cut.chunks, cut.tiles, 1}, kThreads,
      {&data, &cut.rows, &cut.packs, &cut.tile, &cut.chunk, &added, &beside, &line, &relu});
}

at::Tensor ended_by(NormKernels& kernels, const at::Tensor& y, const at::Tensor& bias,
                    const After& after) {
  const auto skip = after.skip.defined() ? std::optional(after.skip) : std::nullopt;
  return EndedConvolution::apply(y, bias, skip, after.is_upsampled, after.relu, &kernels);
}

namespace cuda {

bool has_kernel(const at::Tensor& x) {
  return is_gpu(x.device()) && x.numel() > 0 && (x.dim() == 2 || x.dim() == 4) &&
         x.size(0) <= kMaxSamples && runs_kernels(x.device(), x.scalar_type());
}

NormKernels& norm_kernels() {
  static NormKernels kernels(make_kernel_program);
  return kernels;
}

}  // namespace cuda

}  // namespace bbg::model
