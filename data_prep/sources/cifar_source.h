#pragma once
// The binary version of CIFAR-10 or CIFAR-100: one .bin file, or a folder, of which the request's
// split says the part (data_batch_*.bin or test_batch.bin; train.bin or test.bin). The classes of
// CIFAR-100 are the fine ones. Class names are those of batches.meta.txt or fine_label_names.txt
// beside the files, else numbers.

#include <memory>
#include <string>

#include "data_prep/sources/image_source.h"
#include "data_prep/sources/source_request.h"

namespace bbg::data_prep {

enum class CifarKind { k10, k100 };

// UsageError for files that are missing, of a wrong size or with labels that are no class.
std::unique_ptr<ImageSource> open_cifar(const SourceRequest& request, CifarKind kind);

// Whether the path can be of that kind: a .bin file by its size, a folder by its files.
bool could_be_cifar(const std::string& path, CifarKind kind);

}  // namespace bbg::data_prep
