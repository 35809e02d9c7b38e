#pragma once
// Keeps the indices of archives from run to run: to go through ImageNet's 1.28 million headers
// takes minutes on a network disk. Several processes may use one file.

#include <memory>
#include <string>
#include <vector>

#include "data_prep/sources/tar_index.h"

namespace bbg::data_prep {

// An archive that stays open for reading.
struct IndexedTar {
  std::unique_ptr<FileBytes> bytes;
  TarIndex index;
};

// Opens the archives and indexes them. An index is taken from `index_path` where that is of the
// same archive (name, size, time of the last change), of the same `kind` of scan and undamaged;
// where one was not, the file is written anew, at once or not at all. Empty: no such file.
std::vector<IndexedTar> index_tars(const std::vector<std::string>& paths, const TarScan& scan,
                                   const std::string& kind, const std::string& index_path);

}  // namespace bbg::data_prep
