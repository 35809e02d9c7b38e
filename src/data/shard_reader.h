#pragma once
// A data set read from shards. Opening reads the headers of all shards with HDF5 and refuses what
// is truncated, damaged, of another version, incomplete or mixed, with a UsageError that names the
// file; what the system refuses is a SystemError and says nothing about the file. Pixels are then
// read with pread at the data set's offset in the file, without HDF5, of a bounded number of files
// that are open at a time.
//
// Thread-safe after opening; open() itself is called by one thread at a time (HDF5's own rule).
// Copies are cheap and share the open files: a loader keeps one, so that a read that never returns
// does not outlive what it reads from.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/sample_source.h"

namespace bbg::data {

class ShardSet {
 public:
  // `path`: a folder of shards, or the one shard of a data set. With verify_on_read each block's
  // checksum is checked when the block is first touched, and a wrong one refused.
  static ShardSet open(const std::string& path, bool verify_on_read = true);

  int64_t size() const;
  int64_t height() const;
  int64_t width() const;
  int64_t channels() const;
  int64_t num_classes() const;  // 0: no labels
  const std::vector<std::string>& class_names() const;
  const std::string& fingerprint() const;  // identity of the data, whatever the number of shards
  const std::string& source_text() const;  // its origin, for people
  std::vector<std::string> files() const;  // in order of samples
  int64_t file_bytes() const;              // all files together

  void read(int64_t index, std::span<uint8_t> out) const;  // [H, W, C]
  int64_t label(int64_t index) const;                      // -1: none
  // The first of the samples [first, first + count) that has no label; none if all have one.
  std::optional<int64_t> first_without_label(int64_t first, int64_t count) const;
  std::string file(int64_t index) const;

  // Checks every block and the fingerprint. `progress` hears samples done and samples in all.
  void verify(const std::function<void(int64_t, int64_t)>& progress = {}) const;

  // The same images with `labels[l]` wherever the label is l, of the classes of those names; an
  // image without a label stays one. Files are shared, and hold what they held.
  ShardSet relabelled(std::vector<int64_t> labels, std::vector<std::string> class_names) const;

  // The same as an interface.
  std::shared_ptr<const SampleSource> source() const;

 private:
  class Impl;
  explicit ShardSet(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;  // shared with loaders, see above
};

}  // namespace bbg::data
