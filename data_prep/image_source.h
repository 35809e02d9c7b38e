#pragma once
// A collection of images as it comes: a folder, an IDX file, CIFAR. Reading is thread-safe.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/image.h"
#include "data/fit.h"
#include "data_prep/image_tree.h"

namespace bbg::data_prep {

class ImageSource {
 public:
  virtual ~ImageSource() = default;

  virtual int64_t size() const = 0;
  // The image's own size; channels: 1 or 3. UsageError if it cannot be decoded in full.
  virtual core::Image read(int64_t index, int64_t channels) const = 0;
  virtual int64_t label(int64_t index) const = 0;     // -1: none
  virtual std::string name(int64_t index) const = 0;  // for messages
  virtual const std::vector<std::string>& class_names() const = 0;
  virtual std::string description() const = 0;
  virtual int64_t natural_channels() const = 0;  // --channels auto means these
  virtual data::Fit natural_fit() const = 0;
  virtual LeftOut left_out() const { return {}; }  // things in the input beside images
};

// Images in a folder, see find_images(). The order is a fixed shuffle of the sorted paths.
std::unique_ptr<ImageSource> open_folder(const std::string& path);

// IDX as MNIST uses it (uint8 [n, height, width]; labels uint8 [n]), plain or gzip. An empty labels
// path means no labels.
std::unique_ptr<ImageSource> open_idx(const std::string& images, const std::string& labels);

enum class CifarKind { k10, k100 };
enum class CifarSplit { kTrain, kTest };

// The binary version of CIFAR-10 or CIFAR-100: one .bin file, or a folder, of which `split` says
// the part (data_batch_*.bin or test_batch.bin; train.bin or test.bin). The classes of CIFAR-100
// are the fine ones. Class names are those of batches.meta.txt or fine_label_names.txt beside the
// files, else numbers.
std::unique_ptr<ImageSource> open_cifar(const std::string& path, CifarKind kind, CifarSplit split);

// Kinds that the path can be: a .bin file by its size, a folder by its files.
std::vector<CifarKind> possible_cifar(const std::string& path);

// Whether the file starts like IDX images, plain or gzip.
bool looks_like_idx(const std::string& path);

}  // namespace bbg::data_prep
