#include "measure/encoder_extractor.h"

#include <ATen/core/grad_mode.h>

#include "measure/subject.h"

namespace bbg::measure {

namespace {

class EncoderExtractor final : public extractor::Extractor {
 public:
  EncoderExtractor(model::Encoder& encoder, const model::ModelOptions& options,
                   const at::TensorOptions& tensors)
      : encoder_(encoder),
        size_(options.data_resolution()),
        channels_(options.channels),
        tensors_(tensors) {
    const at::Tensor empty = at::zeros({1, 3, size_, size_}, tensors.dtype(at::kByte));
    width_ = extract(empty).features.size(1);
  }

  extractor::Extracted extract(const at::Tensor& images) override {
    const at::NoGradGuard no_grad;
    const at::Tensor x = images.narrow(1, 0, channels_).to(tensors_.dtype()) / 127.5 - 1;
    return {encoder_.forward(enlarge(x, size_)).feature.to(at::kFloat)};
  }
  int64_t width() const override { return width_; }
  bool has_logits() const override { return false; }
  const std::string& protocol() const override { return protocol_; }
  const std::string& fingerprint() const override { return no_fingerprint_; }

 private:
  model::Encoder& encoder_;
  const int64_t size_, channels_;
  const at::TensorOptions tensors_;
  int64_t width_ = 0;
  const std::string protocol_ = "the run's own E, its average";
  const std::string no_fingerprint_;
};

}  // namespace

std::unique_ptr<extractor::Extractor> make_encoder_extractor(model::Encoder& encoder,
                                                             const model::ModelOptions& options,
                                                             const at::TensorOptions& tensors) {
  return std::make_unique<EncoderExtractor>(encoder, options, tensors);
}

}  // namespace bbg::measure
