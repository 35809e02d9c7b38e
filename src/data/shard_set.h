#pragma once
// A data set that is read: a folder of format 2, which its manifest opens, or of format 1. What is
// truncated, damaged, of another version, incomplete or mixed is refused with a UsageError that
// names the file; what the system refuses is a SystemError and says nothing about the file.
//
// Thread-safe after opening. Copies are cheap and share the open files: a loader keeps one, so that
// a read that never returns does not outlive what it reads from.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/sample_source.h"

namespace bbg::data {

class ShardSet {
 public:
  // `path`: the folder of a data set, its manifest, or the one shard of a set of format 1. With
  // verify_on_read each sample is compared with its digest when it is read.
  static ShardSet open(const std::string& path, bool verify_on_read = true);

  int64_t size() const;
  Encoding encoding() const;
  int64_t height() const;  // 0 where images differ in size
  int64_t width() const;   //
  int64_t channels() const;
  int64_t format_version() const;
  int64_t num_classes() const;  // 0: no labels
  const std::vector<std::string>& class_names() const;
  const std::vector<int64_t>& class_counts() const;  // samples of each class
  const std::string& fingerprint() const;  // identity of the data, whatever the number of shards
  const std::string& source_text() const;  // its origin, for people
  // How images became samples, in words; empty where the set does not say.
  const std::map<std::string, std::string>& made() const;
  const std::vector<std::string>& files() const;  // in order of samples
  int64_t file_bytes() const;                     // all files together

  // Pixels [H, W, C] of a raw set.
  void read(int64_t index, std::span<uint8_t> out) const;
  int64_t label(int64_t index) const;  // -1: none
  // The first of the samples [first, first + count) that has no label; none if all have one.
  std::optional<int64_t> first_without_label(int64_t first, int64_t count) const;
  std::string file(int64_t index) const;

  // The same images with `labels[l]` wherever the label is l, of the classes of those names; an
  // image without a label stays one. Files are shared, and hold what they held.
  ShardSet relabelled(const std::vector<int64_t>& labels,
                      std::vector<std::string> class_names) const;

  // Whether reads are to be compared with their digests.
  Check check() const;
  // The same as an interface.
  const std::shared_ptr<const SampleSource>& source() const;

  struct Facts;

 private:
  explicit ShardSet(std::shared_ptr<const Facts> facts);
  std::shared_ptr<const Facts> facts_;  // shared with loaders, see above
};

}  // namespace bbg::data
