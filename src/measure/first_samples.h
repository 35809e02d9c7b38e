#pragma once
// The first samples of a source as a source of their own, for a loader of a split.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "data/sample_source.h"

namespace bbg::measure {

class FirstSamples final : public data::SampleSource {
 public:
  FirstSamples(std::shared_ptr<const data::SampleSource> all, int64_t count)
      : all_(std::move(all)), count_(count) {}

  int64_t size() const override { return count_; }
  data::Encoding encoding() const override { return all_->encoding(); }
  int64_t height() const override { return all_->height(); }
  int64_t width() const override { return all_->width(); }
  int64_t channels() const override { return all_->channels(); }
  image::DecodeOptions decode_options() const override { return all_->decode_options(); }
  void read_pixels(int64_t index, std::span<uint8_t> out, data::Check check) const override {
    all_->read_pixels(index, out, check);
  }
  std::span<const uint8_t> read(int64_t index, std::vector<uint8_t>& buffer,
                                data::Check check) const override {
    return all_->read(index, buffer, check);
  }
  int64_t label(int64_t index) const override { return all_->label(index); }
  std::string file(int64_t index) const override { return all_->file(index); }
  std::string name(int64_t index) const override { return all_->name(index); }

 private:
  std::shared_ptr<const data::SampleSource> all_;
  int64_t count_;
};

}  // namespace bbg::measure
