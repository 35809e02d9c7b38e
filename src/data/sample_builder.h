#pragma once
// Makes samples of a data set into pixels of one size: reads, decodes, chooses a part and cuts it
// out. Keeps its memory from sample to sample. One thread each.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/image.h"
#include "data/sample_source.h"
#include "image/codec/codec.h"
#include "image/resample.h"
#include "image/transform.h"

namespace bbg::data {

class SampleBuilder {
 public:
  // `source` outlives it. All images come out with options.size pixels a side; what is stored raw
  // is at least as large, unless it is resampled. options.is_equal_sized is taken from the source.
  SampleBuilder(const SampleSource& source, const image::TransformOptions& options, uint64_t seed);

  // Pixels of a sample -> out [size, size, channels], as it looks in a slot of a global batch.
  // Errors: those of SampleSource::read, and a UsageError that names a file which cannot be
  // decoded.
  void build(int64_t id, int64_t draw, int64_t slot, Check check, std::span<uint8_t> out);

 private:
  void build_raw(int64_t id, const image::Choice& choice, Check check, std::span<uint8_t> out);
  void build_jpeg(int64_t id, int64_t draw, int64_t slot, Check check, std::span<uint8_t> out);
  image::Choice choose_part(int64_t draw, int64_t slot, int64_t height, int64_t width) const;

  const SampleSource& source_;
  image::TransformOptions options_;
  uint64_t seed_;
  image::Decoder decoder_;
  image::Resampler resampler_;
  std::vector<uint8_t> stored_;   // a sample as it is stored
  std::vector<uint8_t> decoded_;  // the part that is taken
};

}  // namespace bbg::data
