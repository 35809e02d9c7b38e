#pragma once
// Builds rows of a rank's batches: finds the sample of a row, reads it again where the disk was
// away (data/retry.h), and puts another in its place where it is damaged and that is wanted. Every
// rank and process finds the same samples damaged and the same ones in their place. One thread.

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "data/loaded_batch.h"
#include "data/loader_setup.h"
#include "data/sample_builder.h"

namespace bbg::data {

// Calls of a RowBuilder; the first two may throw to end its work.
struct RowHooks {
  std::function<void(int64_t draw, int64_t id)> before_read;
  std::function<void(std::chrono::milliseconds)> pause;
  std::function<void(const std::string& why)> replaced;  // a sample
};

class RowBuilder {
 public:
  // References outlive it.
  RowBuilder(const SampleSource& source, const LoaderSetup& setup, RowHooks hooks);

  // Pixels, label and sample id of a row of batch.draw. Errors: those of SampleBuilder::build.
  void build(LoadedBatch& batch, int64_t row);

 private:
  void build_sample(LoadedBatch& batch, int64_t row, int64_t id, Check check);

  const SampleSource& source_;
  const LoaderSetup& setup_;
  const int64_t end_of_verifying_;  // epoch
  RowHooks hooks_;
  SampleBuilder builder_;
};

}  // namespace bbg::data
