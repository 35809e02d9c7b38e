#pragma once
// A data set whose samples are kept in memory that the processes of a host share, as they are
// stored. A sample is kept when one of them first reads it, in whatever order, and comes from there
// for all of them afterwards; it was checked as that first read was. Thread-safe.

#include <memory>
#include <string>

#include "data/sample_source.h"
#include "data/shared_memory.h"

namespace bbg::data {

class RamCache final : public SampleSource {
 public:
  // Memory that a set takes whose files have `file_bytes`.
  static int64_t bytes_for(const SampleSource& source, int64_t file_bytes);

  // `memory` was created with bytes_for(), by this process or by one with the same data set.
  RamCache(std::shared_ptr<const SampleSource> original, SharedMemory memory);

  int64_t size() const override { return original_->size(); }
  Encoding encoding() const override { return original_->encoding(); }
  int64_t height() const override { return original_->height(); }
  int64_t width() const override { return original_->width(); }
  int64_t channels() const override { return original_->channels(); }
  image::DecodeOptions decode_options() const override { return original_->decode_options(); }
  void read_pixels(int64_t index, std::span<uint8_t> out, Check check) const override;
  std::span<const uint8_t> read(int64_t index, std::vector<uint8_t>& buffer,
                                Check check) const override;
  int64_t label(int64_t index) const override { return original_->label(index); }
  std::string file(int64_t index) const override { return original_->file(index); }
  std::string name(int64_t index) const override { return original_->name(index); }
  bool has_waited() const override { return original_->has_waited(); }
  void will_read(int64_t index) const override {
    if (find(index).empty()) original_->will_read(index);
  }

 private:
  std::span<const uint8_t> find(int64_t index) const;  // empty: not there
  void keep(int64_t index, std::span<const uint8_t> bytes) const;

  std::shared_ptr<const SampleSource> original_;
  SharedMemory memory_;
};

}  // namespace bbg::data
