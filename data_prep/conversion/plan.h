#pragma once
// Which image becomes which sample of which shard: a function of the source and the recipe alone,
// so that any number of ranks and threads, and a later start, make the same files.

#include <cstdint>
#include <string>

#include "data/sample_plan.h"
#include "data_prep/conversion/recipe.h"
#include "data_prep/sources/image_source.h"

namespace bbg::data_prep {

struct PlanOptions {
  bool is_shuffled = true;
  int64_t seed = 0;               // seeds the shuffle
  int64_t shards = 0;             // 0: as many as shard_bytes needs
  int64_t shard_bytes = 1 << 30;  // about
};

class Plan {
 public:
  // UsageError where there are more shards than images.
  Plan(const ImageSource& source, const Recipe& recipe, const PlanOptions& options);

  int64_t images() const { return images_; }
  int64_t shards() const { return shards_; }
  bool is_shuffled() const { return is_shuffled_; }
  // The places [first(shard), first(shard + 1)) are a shard's.
  int64_t first(int64_t shard) const { return images_ * shard / shards_; }
  // The image of the source at this place.
  int64_t image(int64_t place) const { return is_shuffled_ ? order_.permuted(0, place) : place; }

  // Eight hex digits that differ where the samples do: the names and labels of the source, their
  // order, the shards and the recipe have a part. `generation` tells a set that is made anew in the
  // same way from the one that it replaces.
  std::string tag(int64_t size, int generation) const;

 private:
  int64_t images_;
  bool is_shuffled_;
  data::SamplePlan order_;
  int64_t shards_ = 0;
  Recipe recipe_;
  std::string source_digest_;
};

// Bytes that a stored image is likely to take, from the recipe, or from some of the source's files.
int64_t likely_sample_bytes(const ImageSource& source, const Recipe& recipe);

}  // namespace bbg::data_prep
