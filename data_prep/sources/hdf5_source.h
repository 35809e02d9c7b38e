#pragma once
// Images in an HDF5 file as BigGAN-PyTorch and PyTorch-StudioGAN make it: `imgs` uint8 [n, C, H, W]
// or [n, H, W, C] with 1 or 3 channels, and `labels` [n] of whole numbers, which may be absent.
// Class names are numbers, or those of the request's classes.

#include <memory>
#include <string>

#include "data_prep/sources/image_source.h"
#include "data_prep/sources/source_request.h"

namespace bbg::data_prep {

// Keeps the last blocks of images that are compressed together: reading in order unpacks each once.
// UsageError for a damaged file and for other types and shapes.
std::unique_ptr<ImageSource> open_hdf5(const SourceRequest& request);

// Whether it is an HDF5 file that has `imgs`, or one that is damaged.
bool looks_like_hdf5(const std::string& path);

}  // namespace bbg::data_prep
