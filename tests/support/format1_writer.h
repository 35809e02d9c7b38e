#pragma once
// Writes a data set of format 1, as earlier versions did, sample by sample in order. Files are
// written as `<name>.partial` and renamed by close(), when all of them are complete and synced: a
// reader takes either the whole new data set or, after a crash, finds an incomplete one and says
// so. Without close() the destructor removes what was written. One thread; HDF5 is used here.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace bbg::data::format1 {

struct WriterOptions {
  std::string folder;         // made if absent
  std::string name = "data";  // start of the file names
  int64_t height = 0, width = 0, channels = 0;
  int64_t max_samples = 0;  // at most so many will be added
  int64_t shard_count = 1;  // shares max_samples; fewer come out where samples are missing
  std::vector<std::string> class_names;
  std::string source;  // its origin, for people
};

class Writer {
 public:
  explicit Writer(const WriterOptions& options);
  ~Writer();

  // pixels: [H, W, C]; label: -1 for none, else below the number of class names.
  void add(std::span<const uint8_t> pixels, int64_t label);
  // Returns the paths of the shards.
  std::vector<std::string> close();
  std::string fingerprint() const;  // covers the samples added so far

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bbg::data::format1
