#include "measure/images.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <vector>

#include "core/draws.h"
#include "feed/read_samples.h"

namespace bbg::measure {

Split Split::at_most(int64_t images) const {
  Split part = *this;
  part.count = std::min(count, images);
  return part;
}

int64_t held_out(int64_t train) { return std::min<int64_t>(train / 6, 50'000); }

Images::Images(const Context& context, const data::ShardSet& train, const data::ShardSet* test)
    : context_(context), train_{&train, 0, train.size(), context.setup.data.shards} {
  if (test != nullptr) {
    test_ = {test, 0, test->size(), context.setup.data.test_shards};
    return;
  }
  const int64_t held = held_out(train.size());
  test_ = {&train, train.size() - held, held, context.setup.data.shards};
  train_.count = test_.first;
}

core::Batch Images::read(const Split& split, int64_t first, int64_t count, int64_t view) const {
  const Setup& setup = context_.setup;
  feed::View random;
  if (view > 0) {
    random = {.augment = image::Augment::kRandomArea,
              .flip = true,
              .seed = static_cast<uint64_t>(setup.seed),
              .draw = core::view_draw(view)};
  }
  core::Batch batch =
      feed::read_range(*split.shards, split.first + first, count, setup.model.data_resolution(),
                       setup.data.on_corrupt, random);
  batch.images = batch.images.to(context_.tensor_options);
  return batch;
}

Labelled Images::map(const Split& split, const std::function<at::Tensor(const at::Tensor&)>& map,
                     int64_t view) const {
  const at::NoGradGuard no_grad;
  const auto [start, own] = own_part(split.count, context_.communicator);
  const at::Tensor labels = at::empty({own}, at::kLong);
  at::Tensor features;
  // Written in place: the features of all ImageNet are there once.
  const auto add = [&](const core::Batch& batch, int64_t place, int64_t count) {
    const at::Tensor rows = map(batch.images);
    if (!features.defined()) {
      features = at::empty({own, rows.size(1)}, rows.options().dtype(at::kFloat));
    }
    features.narrow(0, place, count).copy_(rows.narrow(0, 0, count));
    labels.narrow(0, place, count).copy_(batch.labels.narrow(0, 0, count));
  };
  for_each_batch(context_, "features", split.count, [&](int64_t first, int64_t count) {
    add(read(split, first, count, view), first - start, count);
  });
  if (own == 0) add(read(split, 0, 1), 0, 0);  // for the width
  return {features, labels.to(context_.tensor_options.device())};
}

std::string without_label(const Split& split) {
  const auto sample = split.shards->first_without_label(split.first, split.count);
  return sample ? "sample " + std::to_string(*sample) + " of " + split.path + " has no label" : "";
}

std::pair<int64_t, int64_t> own_part(int64_t count, const comm::Communicator& communicator) {
  const int64_t first = count * communicator.rank() / communicator.size();
  return {first, count * (communicator.rank() + 1) / communicator.size() - first};
}

void for_each_batch(const Context& context, const std::string& what, int64_t count,
                    const std::function<void(int64_t first, int64_t count)>& visit) {
  const int64_t batch = context.setup.evaluate.batch, size = context.communicator.size();
  const auto [first, own] = own_part(count, context.communicator);
  // The rank that has most counts.
  const int64_t largest = (count + size - 1) / size, batches = (largest + batch - 1) / batch;
  context.progress.begin(what, batches);
  for (int64_t i = 0; i < batches; ++i) {
    const int64_t done = std::min(i * batch, own), piece = std::min(batch, own - done);
    if (piece > 0) visit(first + done, piece);
    context.progress.batch_done();
  }
}

}  // namespace bbg::measure
