#pragma once
// A file of arrays with a row for each image, written while rows come: NumPy's .npy, which holds
// one array, or HDF5 (.h5), which holds any with the images' names and labels. float32, in the
// order of the images. Written aside; it appears when it is whole. Rank-local.

#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/file_system.h"

namespace bbg::run {

struct RowsLayout {
  int64_t count = 0;                                    // rows
  std::vector<std::pair<std::string, int64_t>> arrays;  // name, values in a row
};

class RowsFile {
 public:
  virtual ~RowsFile() = default;
  // The next rows of each array, in the layout's order: [n, width] float32 on the CPU.
  virtual void append(const std::vector<at::Tensor>& rows) = 0;
  // Names and labels of all rows; labels are -1 where there is none.
  virtual void finish(const std::vector<std::string>& names,
                      const std::vector<int64_t>& labels) = 0;
};

// UsageError: `path`, which `option` names, ends neither in .npy nor in .h5, or in .npy for other
// than one array.
void check_rows_path(const std::string& path, const std::string& option, size_t arrays);
std::unique_ptr<RowsFile> create_rows_file(core::FileSystem& files, const std::string& path,
                                           const RowsLayout& layout);

}  // namespace bbg::run
