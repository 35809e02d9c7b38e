#include "measure/inputs.h"

#include <ATen/core/grad_mode.h>

#include "core/draws.h"
#include "eval/gaussian_sums.h"
#include "measure/encoder_extractor.h"
#include "measure/sampler.h"
#include "measure/standing.h"
#include "train/step.h"

namespace bbg::measure {

namespace {

constexpr int64_t kCoarse = 8;

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
  const extractor::ExtractorOptions& files = context.setup.extractor;
  reference_.emplace(context_, images_, *extractor_,
                     need == Need::kInception ? files.inception_statistics
                     : need == Need::kNetwork ? files.network_statistics
                                              : "");
}

Inputs::~Inputs() = default;

void Inputs::begin(Source source) {
  source_ = source;
  coarse_pixels_.reset();
  features_.reset();
  probe_.reset();
  untrained_.reset();
  views_.clear();
  extracted_.reset();
}

model::Encoder& Inputs::encoder() {
  if (source_ != Source::kUntrained) return *subject_.encoder;
  if (!untrained_) untrained_ = make_untrained_encoder(context_, images_);
  return *untrained_;
}

const eval::Gaussian& Inputs::coarse_pixels() {
  if (coarse_pixels_) return *coarse_pixels_;
  if (source_ == Source::kSamples) return coarse_pixels_.emplace(coarse_samples());
  const int64_t most = context_.setup.evaluate.reference_images;
  const Split& all = images_.train();
  return coarse_pixels_.emplace(coarse_images(most > 0 ? all.at_most(most) : all));
}

const eval::Gaussian& Inputs::test_pixels() {
  if (!test_pixels_) test_pixels_ = coarse_images(images_.test());
  return *test_pixels_;
}

eval::Gaussian Inputs::coarse(
    const std::string& what, int64_t count,
    const std::function<at::Tensor(int64_t first, int64_t count)>& images) const {
  eval::GaussianSums sums(context_.setup.model.channels * kCoarse * kCoarse,
                          context_.tensor_options);
  for_each_batch(context_, what, count, [&](int64_t first, int64_t piece) {
    // Averages of parts of equal size.
    sums.add(at::adaptive_avg_pool2d(images(first, piece), {kCoarse, kCoarse}).flatten(1));
  });
  return sums.finish(context_.communicator);
}

eval::Gaussian Inputs::coarse_samples() const {
  const Sampler sampler(context_);
  return coarse("samples", context_.setup.evaluate.samples, [&](int64_t first, int64_t count) {
    return sampler.images(subject_.generator, core::kSamplesDraw, first, count);
  });
}

eval::Gaussian Inputs::coarse_images(const Split& split) const {
  return coarse("pixels", split.count, [&](int64_t first, int64_t count) {
    return train::shrink(images_.read(split, first, count).images, context_.setup.model.resolution);
  });
}

LabelledSplits Inputs::features(int64_t train, int64_t test) {
  if (!features_) {
    features_ = std::make_unique<Features>(context_, images_, subject_, source_, is_last_);
  }
  return features_->first(train, test);
}

const std::vector<at::Tensor>& Inputs::views(int64_t train) {
  const int64_t wanted = context_.setup.evaluate.linear_views;
  while (std::ssize(views_) < wanted) {
    views_.push_back(features_->view(std::ssize(views_) + 1, train));
  }
  return views_;
}

const eval::ProbeResult& Inputs::probe() {
  if (probe_) return *probe_;
  const eval::EvaluateOptions& options = context_.setup.evaluate;
  const auto [train, test] = features(options.probe_train, options.probe_test);
  eval::ProbeOptions probe = options.probe();
  context_.progress.begin("linear probe",
                          options.probe_iterations * (options.probe_choose_l2 ? 6 : 1));
  probe.pass_done = [&] { context_.progress.batch_done(); };
  return probe_.emplace(eval::linear_probe(context_.communicator, train.features, train.labels,
                                           test.features, test.labels, probe));
}

bool Inputs::reconstructs() const {
  return subject_.encoder != nullptr &&
         (!context_.setup.model.is_conditional() || without_label(images_.test()).empty());
}

void Inputs::visit_reconstructions(const std::function<void(const Reconstructed&)>& visit,
                                   Code code) const {
  const at::NoGradGuard no_grad;
  const Split& test = images_.test();
  for_each_batch(context_, "reconstructions", test.count, [&](int64_t first, int64_t count) {
    const core::Batch batch = images_.read(test, first, count);
    const at::Tensor made =
        code == Code::kMean
            ? reconstruct(subject_, batch)
            : reconstruct_from_sample(subject_, batch, encoder_noise(context_, first, count));
    visit({batch, train::shrink(batch.images, context_.setup.model.resolution), made});
  });
}

void Inputs::visit_round_trips(
    const std::function<void(const at::Tensor& z, const at::Tensor& found)>& visit) const {
  const at::NoGradGuard no_grad;
  const Setup& setup = context_.setup;
  const Sampler sampler(context_);
  for_each_batch(
      context_, "round trips", setup.evaluate.samples, [&](int64_t first, int64_t count) {
        const train::Noise drawn = sampler.noise(core::kSamplesDraw, first, count);
        const at::Tensor images = subject_.generator.forward(drawn.z, drawn.labels);
        visit(drawn.z,
              subject_.encoder->forward(enlarge(images, setup.model.data_resolution())).mean);
      });
}

ExtractedSet& Inputs::extracted() {
  if (!extracted_) extracted_.emplace(context_, images_, subject_, *extractor_, source_);
  return *extracted_;
}

}  // namespace bbg::measure
