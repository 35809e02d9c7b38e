#pragma once
// Writes one shard of format 2. The file is `<path>.partial` until close() has it whole and synced:
// a reader never sees half a shard. Without close() the destructor removes what was written.
//
// append() and leave_out() are called one at a time, in the order that samples are to have; write()
// may be called by several threads at once, also beside append(). close() comes after all of them.
// HDF5 is used in close() alone.

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "data/encoding.h"
#include "data/manifest.h"

namespace bbg::data {

class ShardWriter {
 public:
  struct Key {
    Encoding encoding = Encoding::kRaw;
    int64_t height = 0, width = 0, channels = 0;  // height, width: of raw images
    std::string plan;                             // says what the shard was made by
  };

  ShardWriter(std::string path, const Key& key);
  ~ShardWriter();

  // Gives the next sample its place; its bytes come by write(place, bytes). digest: sample_digest.
  int64_t append(int64_t bytes, int64_t label, uint64_t digest, const std::string& name);
  void write(int64_t place, std::span<const uint8_t> bytes) const;
  // Notes an image that did not become a sample.
  void leave_out(const std::string& name, const std::string& reason);
  int64_t samples() const;

  Manifest::Shard close();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bbg::data
