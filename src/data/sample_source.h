#pragma once
// Where a loader gets samples from: the seam between shards and the loader (tests put slow and
// broken sources here). All calls are thread-safe.

#include <cstdint>
#include <span>
#include <string>

namespace bbg::data {

class SampleSource {
 public:
  virtual ~SampleSource() = default;

  virtual int64_t size() const = 0;  // samples
  virtual int64_t height() const = 0;
  virtual int64_t width() const = 0;
  virtual int64_t channels() const = 0;
  // Pixels of a sample, [height, width, channels]; `out` has just this size.
  virtual void read(int64_t index, std::span<uint8_t> out) const = 0;
  virtual int64_t label(int64_t index) const = 0;     // -1: none
  virtual std::string file(int64_t index) const = 0;  // that holds the sample, for messages
};

}  // namespace bbg::data
