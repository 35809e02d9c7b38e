#pragma once
// The folder of one data set while it is made: the shards of a plan, beside those of the set that
// is there already. The old set stays readable until the manifest of the new one takes its place.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "data/manifest.h"
#include "data/shard_writer.h"
#include "data_prep/conversion/plan.h"

namespace bbg::data_prep {

// An image that became no sample.
struct BadImage {
  std::string name, reason;
};

class DataSetFolder {
 public:
  // Makes the folder if it is absent. `is_forced`: a set that is there will be replaced; else one
  // of another plan is a UsageError. The same on all ranks.
  DataSetFolder(std::string folder, const Plan& plan, const Recipe& recipe, int64_t size,
                bool is_forced);

  const std::string& folder() const { return folder_; }
  std::string shard_path(int64_t shard) const;
  const data::ShardWriter::Key& key() const { return key_; }
  // Whether the set of this plan is there, manifest and all.
  bool is_published() const { return is_published_; }

  // Whether the shard is there, left nothing out, and every byte of it is as it was written.
  bool has_whole_shard(int64_t shard) const;

  // The manifest of all shards, which are all there; and what they left out.
  data::Manifest describe(const data::Manifest& common, std::vector<BadImage>& bad) const;
  // Makes it the folder's set, then removes the shards of other sets and what interrupted
  // conversions left.
  void publish(const data::Manifest& manifest) const;

 private:
  std::string folder_;
  int64_t shards_;
  data::ShardWriter::Key key_;
  bool is_published_ = false;
};

}  // namespace bbg::data_prep
