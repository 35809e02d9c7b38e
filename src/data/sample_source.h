#pragma once
// Where samples are read from: the seam between the files of a data set and whoever reads them
// (tests put slow and broken sources here). All calls are thread-safe.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/encoding.h"
#include "image/codec/decode_options.h"

namespace bbg::data {

// Whether a read is compared with its digest, at about a third of its own cost.
enum class Check { kTrust, kVerify };

class SampleSource {
 public:
  virtual ~SampleSource() = default;

  virtual int64_t size() const = 0;  // samples
  virtual Encoding encoding() const = 0;
  // The size of all images; 0 where they differ, as JPEG files do.
  virtual int64_t height() const = 0;
  virtual int64_t width() const = 0;
  virtual int64_t channels() const = 0;  // 1 or 3
  // The choices by which image files are decoded.
  virtual image::DecodeOptions decode_options() const { return {.channels = channels()}; }

  // Pixels of a sample, [height, width, channels], where the encoding is raw. `out` has just this
  // size. UsageError names file, sample and place of a damaged one.
  virtual void read_pixels(int64_t index, std::span<uint8_t> out, Check check) const = 0;
  // The sample as it is stored, of any encoding. Lies in `buffer`, which grows as needed and keeps
  // its memory from call to call, or in memory of the source.
  virtual std::span<const uint8_t> read(int64_t index, std::vector<uint8_t>& buffer,
                                        Check check) const = 0;
  virtual int64_t label(int64_t index) const = 0;     // -1: none
  virtual std::string file(int64_t index) const = 0;  // that holds the sample, for messages
  virtual std::string name(int64_t index) const = 0;  // the image it was made from; may be empty

  // Whether a read has lately waited for a disk, so that will_read() is worth its call.
  virtual bool has_waited() const { return false; }
  // Asks the system to fetch a sample that is read soon, without waiting for it. No errors: the
  // read will tell them.
  virtual void will_read(int64_t) const {}
};

}  // namespace bbg::data
