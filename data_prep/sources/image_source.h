#pragma once
// A collection of images as it comes: a folder, a tar, HDF5, IDX, CIFAR. Its order is fixed: names
// in order where the source has files, else the order that it was written in. Nothing is decoded
// here. Const members may be called by any number of threads.

#include <cstdint>
#include <string>
#include <vector>

#include "core/image.h"
#include "data_prep/sources/left_out.h"
#include "image/fit.h"

namespace bbg::data_prep {

// One image of a source. A reader keeps it from call to call, and with it the memory.
struct Content {
  bool is_encoded = true;
  std::vector<uint8_t> bytes;  // is_encoded: the file as it lies, JPEG or other
  core::Image image;           // else: pixels, in the source's own number of channels
};

class ImageSource {
 public:
  virtual ~ImageSource() = default;

  virtual int64_t size() const = 0;
  // UsageError where this one image is bad (no permission, vanished, cut off), SystemError where
  // the disk is.
  virtual void read(int64_t index, Content& out) const = 0;
  // Asks the system to fetch an image that is read soon. No errors: the read will tell them.
  virtual void will_read(int64_t) const {}
  // Whether images in order lie one behind the other in a file. The system reads ahead of those by
  // itself, and better than it does when it is asked.
  virtual bool lies_in_order() const { return false; }
  virtual int64_t label(int64_t index) const = 0;  // -1: none
  // Relative, unique in the source, and the same for a folder and a tar of it:
  // "n01440764/n01440764_10026.JPEG". Pixels have the file and their number in it,
  // "train-images-idx3-ubyte.gz:17".
  virtual std::string name(int64_t index) const = 0;
  // Where it lies, for messages: a path, or an archive's path and the name inside.
  virtual std::string place(int64_t index) const = 0;
  virtual int64_t bytes(int64_t index) const = 0;  // size of the encoded file; -1: not known unread
  virtual const std::vector<std::string>& class_names() const = 0;
  virtual std::string description() const = 0;   // for people, without the folders above
  virtual int64_t natural_channels() const = 0;  // --channels auto means these
  virtual image::Fit natural_fit() const = 0;
  virtual int64_t natural_size() const { return 0; }  // side, if all are squares of it; 0: are not
  // Whether the order is by class, so that any stretch of it would lack classes.
  virtual bool is_shuffled_by_default() const = 0;
  virtual LeftOut left_out() const { return {}; }  // things in the input beside images
};

}  // namespace bbg::data_prep
