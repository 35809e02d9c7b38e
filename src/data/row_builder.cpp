#include "data/row_builder.h"

#include <utility>

#include "core/error.h"
#include "data/replacement.h"
#include "data/retry.h"

namespace bbg::data {

namespace {

// Epochs are verified up to this one: each sample was read in one of them from its start.
int64_t end_of_verifying(const LoaderSetup& setup) {
  const SamplePlan::Position start = setup.plan.position(setup.first_draw, 0);
  return start.epoch + (start.place > 0 ? 2 : 1);
}

}  // namespace

RowBuilder::RowBuilder(const SampleSource& source, const LoaderSetup& setup, RowHooks hooks)
    : source_(source),
      setup_(setup),
      end_of_verifying_(end_of_verifying(setup)),
      hooks_(std::move(hooks)),
      builder_(
          source,
          image::TransformOptions{
              .augment = setup.options.augment, .flip = setup.options.flip, .size = setup.size},
          setup.plan.seed()) {}

void RowBuilder::build(LoadedBatch& batch, int64_t row) {
  const SamplePlan& plan = setup_.plan;
  const SamplePlan::Position at = plan.position(batch.draw, setup_.slots[row]);
  const bool skips = setup_.options.on_corrupt == OnCorrupt::kSkip;
  // A process that reads a sample for the second time must find it damaged as one does that has
  // just started.
  const bool verifies = setup_.options.verify && (skips || at.epoch < end_of_verifying_);
  const Check check = verifies ? Check::kVerify : Check::kTrust;
  const auto read = [&](int64_t i) {
    const int64_t id = plan.permuted(at.epoch, (at.place + i) % plan.num_samples());
    build_sample(batch, row, id, check);
  };
  read_or_replace(setup_.options.on_corrupt, plan.num_samples(), read,
                  [&](const core::UsageError& error) { hooks_.replaced(error.what()); });
}

void RowBuilder::build_sample(LoadedBatch& batch, int64_t row, int64_t id, Check check) {
  const int64_t bytes = batch.sample_bytes();
  const std::span<uint8_t> out(batch.memory.get() + row * bytes, static_cast<size_t>(bytes));
  const auto read = [&] {
    hooks_.before_read(batch.draw, id);
    builder_.build(id, batch.draw, setup_.slots[row], check, out);
    batch.labels[static_cast<size_t>(row)] = source_.label(id);
  };
  with_retries(read, hooks_.pause);
  batch.sample_ids[static_cast<size_t>(row)] = id;
}

}  // namespace bbg::data
