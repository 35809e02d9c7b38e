#pragma once
// A network that others trained and that turns images into features, in which sets of images are
// compared: the Inception network of FID, DINOv2, or any other. It brings its own resizing and
// normalisation, since numbers are comparable only with all of them equal. Rank-local; one thread.

#include <ATen/ATen.h>

#include <cstdint>
#include <string>

namespace bbg::extractor {

struct Extracted {
  at::Tensor features;     // [n, width] float32
  at::Tensor logits = {};  // [n, classes] float32, of networks that have them
};

class Extractor {
 public:
  virtual ~Extractor() = default;

  // images [n, 3, H, W] uint8, on the device that the extractor was made for; any H and W.
  virtual Extracted extract(const at::Tensor& images) = 0;

  virtual int64_t width() const = 0;
  virtual bool has_logits() const = 0;
  // The network, its layer and how it takes images, in words: `Inception 2015-12-05, pool3;
  // TensorFlow-1 bilinear to 299 px`. For protocols.
  virtual const std::string& protocol() const = 0;
  // Equal where features of equal images are: made from the weights' bytes and the protocol.
  virtual const std::string& fingerprint() const = 0;
};

}  // namespace bbg::extractor
