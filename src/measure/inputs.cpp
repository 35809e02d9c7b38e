#include "measure/inputs.h"

#include "core/draws.h"
#include "measure/encoder_extractor.h"
#include "measure/sampler.h"
#include "train/step.h"

namespace bbg::measure {

namespace {

constexpr int64_t kCoarse = 8;

// [N, C, S, S] -> [N, C * 8 * 8], averages of parts of equal size.
at::Tensor coarse(const at::Tensor& images) {
  return at::adaptive_avg_pool2d(images, {kCoarse, kCoarse}).flatten(1);
}

}  // namespace

Inputs::Inputs(const Context& context, const Images& images, const Subject& subject, Need need,
               bool is_last)
    : context_(context), images_(images), subject_(subject), is_last_(is_last) {
  if (!is_extracted(need)) return;
  if (need == Need::kEncoded) {
    encoder_ =
        make_encoder_extractor(*subject.encoder, context.setup.model, context.tensor_options);
  }
  extractor_ = need == Need::kEncoded     ? encoder_.get()
               : need == Need::kInception ? context.extractors->inception.get()
                                          : context.extractors->network.get();
  reference_.emplace(context_, images_, *extractor_);
}

Inputs::~Inputs() = default;

void Inputs::begin(Source source) {
  source_ = source;
  coarse_pixels_.reset();
  features_.reset();
  extracted_.reset();
}

const at::Tensor& Inputs::coarse_pixels() {
  if (!coarse_pixels_.defined()) {
    coarse_pixels_ =
        source_ == Source::kSamples ? coarse_samples() : coarse_images(images_.train());
  }
  return coarse_pixels_;
}

const eval::Gaussian& Inputs::test_pixels() {
  if (!test_pixels_) {
    test_pixels_ = eval::fit_gaussian(context_.communicator, coarse_images(images_.test()));
  }
  return *test_pixels_;
}

at::Tensor Inputs::coarse_samples() const {
  const Sampler sampler(context_);
  const auto draw = [&](int64_t first, int64_t count) {
    return coarse(sampler.images(subject_.generator, core::kSamplesDraw, first, count));
  };
  // Empty, but of the right width, on ranks without a part.
  std::vector<at::Tensor> parts = {draw(0, 1).narrow(0, 0, 0)};
  for_each_batch(context_, "samples", context_.setup.evaluate.samples,
                 [&](int64_t first, int64_t count) { parts.push_back(draw(first, count)); });
  return at::cat(parts);
}

at::Tensor Inputs::coarse_images(const Split& split) const {
  const int64_t size = context_.setup.model.resolution;
  return images_.map(split, [size](const at::Tensor& x) { return coarse(train::shrink(x, size)); })
      .features;
}

LabelledSplits Inputs::features(int64_t train, int64_t test) {
  if (!features_) features_ = std::make_unique<Features>(context_, images_, subject_, source_);
  return features_->first(train, test);
}

void Inputs::visit_reconstructions(
    const std::function<void(const at::Tensor& images, const at::Tensor& made)>& visit) const {
  const Split& test = images_.test();
  for_each_batch(context_, "reconstructions", test.count, [&](int64_t first, int64_t count) {
    const core::Batch batch = images_.read(test, first, count);
    visit(train::shrink(batch.images, context_.setup.model.resolution),
          reconstruct(subject_, batch));
  });
}

ExtractedSet& Inputs::extracted() {
  if (!extracted_) extracted_.emplace(context_, images_, subject_, *extractor_, source_);
  return *extracted_;
}

}  // namespace bbg::measure
