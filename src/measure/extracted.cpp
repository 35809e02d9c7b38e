#include "measure/extracted.h"

#include <algorithm>
#include <utility>

#include "core/draws.h"
#include "core/error.h"
#include "core/file_system.h"
#include "core/hash.h"
#include "eval/gaussian_sums.h"
#include "measure/sampler.h"
#include "measure/statistics_file.h"
#include "train/step.h"

namespace bbg::measure {

namespace {

// Images that a network reads at once on a CPU, whose memory activations would fill.
constexpr int64_t kImagesAtOnce = 32;

// Features, and logits where there are any, of batches that come one after the other.
class Parts {
 public:
  void add(extractor::Extracted found) {
    features_.push_back(std::move(found.features));
    if (found.logits.defined()) logits_.push_back(std::move(found.logits));
  }
  // On ranks without a part: of the right width.
  void add_none(const extractor::Extracted& one) {
    add({one.features.narrow(0, 0, 0),
         one.logits.defined() ? one.logits.narrow(0, 0, 0) : at::Tensor()});
  }
  bool is_empty() const { return features_.empty(); }
  at::Tensor features() const { return at::cat(features_); }
  at::Tensor logits() const { return logits_.empty() ? at::Tensor() : at::cat(logits_); }

 private:
  std::vector<at::Tensor> features_, logits_;
};

// This rank's part of `count` images that `images` gives. A collective.
Parts extract_all(const Context& context, const std::string& what, int64_t count,
                  extractor::Extractor& extractor,
                  const std::function<at::Tensor(int64_t first, int64_t count)>& images) {
  Parts parts;
  for_each_batch(context, what, count, [&](int64_t first, int64_t piece) {
    parts.add(extract(extractor, images(first, piece)));
  });
  if (parts.is_empty()) parts.add_none(extract(extractor, images(0, 1)));
  return parts;
}

// Images of a split at G's resolution.
at::Tensor read(const Context& context, const Images& images, const Split& split, int64_t first,
                int64_t count) {
  return train::shrink(images.read(split, first, count).images, context.setup.model.resolution);
}

}  // namespace

extractor::Extracted extract(extractor::Extractor& extractor, const at::Tensor& images) {
  at::Tensor bytes = to_bytes(images);
  if (bytes.size(1) == 1) bytes = bytes.expand({-1, 3, -1, -1});
  std::vector<at::Tensor> features, logits;
  const int64_t at_once = bytes.device().is_cpu() ? kImagesAtOnce : bytes.size(0);
  for (const at::Tensor& some : bytes.contiguous().split(std::max<int64_t>(at_once, 1))) {
    const extractor::Extracted found = extractor.extract(some);
    features.push_back(found.features);
    if (found.logits.defined()) logits.push_back(found.logits);
  }
  return {at::cat(features), logits.empty() ? at::Tensor() : at::cat(logits)};
}

Split Reference::split() const {
  // E's features are never kept, and would be read anew each time.
  const int64_t most = extractor_.fingerprint().empty() ? context_.setup.evaluate.kept_images
                                                        : context_.setup.evaluate.reference_images;
  return most > 0 ? images_.train().at_most(most) : images_.train();
}

const eval::SharedRows& Reference::rows() {
  if (!rows_) {
    const Split kept = split().at_most(context_.setup.evaluate.kept_images);
    const Parts parts = extract_all(
        context_, "features of training images", kept.count, extractor_,
        [&](int64_t first, int64_t count) { return read(context_, images_, kept, first, count); });
    rows_.emplace(context_.communicator, parts.features());
  }
  return *rows_;
}

const eval::FrechetDistance& Reference::distance() {
  if (!distance_) {
    const bool is_given = !given_statistics_.empty();
    std::optional<eval::Gaussian> statistics =
        read_file(is_given ? given_statistics_ : statistics_path());
    if (!statistics && is_given) {
      throw core::UsageError("the statistics in " + given_statistics_ +
                                 " were there at the start and cannot be read now",
                             "leave the file in its place while an evaluation runs");
    }
    if (!statistics) statistics = read_all();
    distance_.emplace(std::move(*statistics));
  }
  return *distance_;
}

std::string Reference::statistics_path() const {
  if (extractor_.fingerprint().empty()) return "";
  const Split all = split();
  core::Hasher hasher;
  hasher.add_text(extractor_.fingerprint());
  hasher.add_text(all.shards->fingerprint());
  for (const int64_t number : {all.first, all.count, context_.setup.model.data_resolution(),
                               context_.setup.model.resolution}) {
    hasher.add_number(number);
  }
  return context_.setup.statistics_folder + "/" + core::hex(hasher.digest()) + ".npz";
}

std::optional<eval::Gaussian> Reference::read_file(const std::string& path) const {
  if (path.empty()) return std::nullopt;
  comm::Communicator& ranks = context_.communicator;
  const int64_t width = extractor_.width();
  // Row 0 the mean, then the covariance; rank 0 reads and sends.
  at::Tensor content = at::zeros({width + 1, width}, context_.tensor_options.dtype(at::kDouble));
  bool is_there = true;
  if (ranks.rank() == 0) {
    const auto files = core::make_posix_file_system();
    is_there = files->exists(path);
    if (is_there) {
      try {
        const eval::Gaussian read = read_statistics(*files, path);
        is_there = read.mean.size(0) == width;
        if (is_there) content.copy_(at::cat({read.mean.unsqueeze(0), read.covariance}));
      } catch (const core::UsageError&) {
        is_there = false;  // a file of ours that was damaged: it is made anew
      }
    }
  }
  if (!ranks.agree(is_there)) return std::nullopt;
  ranks.broadcast(content, 0);
  return eval::Gaussian{content[0].clone(), content.narrow(0, 1, width).clone()};
}

eval::Gaussian Reference::read_all() {
  const Split all = split();
  eval::GaussianSums sums(extractor_.width(), context_.tensor_options);
  const eval::SharedRows& kept = rows();
  if (kept.own().size(0) > 0) sums.add(kept.own());
  for_each_batch(
      context_, "features of all training images", all.count - kept.count(),
      [&](int64_t first, int64_t count) {
        sums.add(extract(extractor_, read(context_, images_, all, kept.count() + first, count))
                     .features);
      });
  eval::Gaussian statistics = sums.finish(context_.communicator);
  const std::string path = statistics_path();
  if (!path.empty() && context_.communicator.rank() == 0) {
    const auto files = core::make_posix_file_system();
    files->create_folders(context_.setup.statistics_folder);
    write_statistics(*files, path, statistics);
  }
  return statistics;
}

ExtractedSet::ExtractedSet(const Context& context, const Images& images, const Subject& subject,
                           extractor::Extractor& extractor, Source source)
    : context_(context) {
  const Sampler sampler(context);
  const Split test = images.test().at_most(context.setup.evaluate.samples);
  const bool is_samples = source == Source::kSamples;
  const Parts parts = extract_all(
      context, is_samples ? "features of samples" : "features of test images",
      is_samples ? context.setup.evaluate.samples : test.count, extractor,
      [&](int64_t first, int64_t count) {
        return is_samples ? sampler.images(subject.generator, core::kSamplesDraw, first, count)
                          : read(context, images, test, first, count);
      });
  features_.emplace(context.communicator, parts.features());
  const at::Tensor logits = parts.logits();
  if (logits.defined()) logits_.emplace(context.communicator, logits);
}

const std::vector<eval::Manifold>& ExtractedSet::manifolds(Reference& reference) {
  if (!manifolds_.empty()) return manifolds_;
  const eval::SharedRows& real = reference.rows();
  const eval::SharedRows own(context_.communicator,
                             features_->own_of_first(context_.setup.evaluate.kept_images));
  context_.progress.begin("neighbours among features", eval::manifold_blocks(own, real));
  manifolds_ = eval::manifolds(own, real, {{.k = 3, .is_edge_inside = true}, {.k = 5}},
                               [&] { context_.progress.batch_done(); });
  return manifolds_;
}

}  // namespace bbg::measure
