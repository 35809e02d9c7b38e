#include "data/row_builder.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "data/retry.h"

namespace bbg::data {

namespace {

// Damaged samples in a row, of which the last is told.
constexpr int64_t kMostReplacements = 100;

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
          TransformOptions{
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
  const int64_t attempts = skips ? std::min(kMostReplacements, plan.num_samples()) : 1;
  for (int64_t i = 0;; ++i) {
    const int64_t id = plan.permuted(at.epoch, (at.place + i) % plan.num_samples());
    try {
      return build_sample(batch, row, id, check);
    } catch (const core::UsageError& error) {
      if (i + 1 == attempts) throw;
      if (i == 0) hooks_.replaced(error.what());
    }
  }
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
