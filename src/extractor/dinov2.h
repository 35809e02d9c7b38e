#pragma once
// DINOv2 as the feature network of FD-DINOv2 (Stein et al. 2023): the class token of a whole image
// that Pillow's bicubic brings to 224 x 224 pixels, as dgm-eval has it.

#include <memory>
#include <string>

#include "core/file_system.h"
#include "extractor/extractor.h"

namespace bbg::extractor {

// From a safetensors file of any name and size in dinov2_weights.h. float32, without TF32.
// UsageError of one line for any other file.
std::unique_ptr<Extractor> load_dinov2(core::FileSystem& files, const std::string& path,
                                       at::Device device);

}  // namespace bbg::extractor
