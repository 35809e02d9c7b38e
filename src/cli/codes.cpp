#include "cli/codes.h"

#include "core/error.h"
#include "core/file_system.h"
#include "core/npy.h"

namespace bbg::cli {

at::Tensor read_codes(const run::RunConfig& config, const std::string& path,
                      const std::string& things) {
  const auto files = core::make_posix_file_system();
  if (!files->exists(path)) {
    throw core::UsageError("there are no " + things + " at " + path,
                           "give the path of a .npy file");
  }
  const std::string content = files->read(path);
  const core::NpyArray array = core::parse_npy(content, path);
  const int64_t width = config.model.z_dim;
  const bool is_row = array.shape.size() == 1 && array.shape[0] == width;
  const bool are_rows = array.shape.size() == 2 && array.shape[0] > 0 && array.shape[1] == width;
  if (!is_row && !are_rows) {
    throw core::UsageError(
        "the " + things + " in " + path + " are not rows of " + std::to_string(width) + " numbers",
        "give an array [" + things + ", model.z-dim] of float32 or float64");
  }
  return at::tensor(array.doubles(path), at::kDouble).view({-1, width});
}

void check_count(int64_t count, const at::Tensor& codes, const std::string& path) {
  if (!codes.defined() || count <= codes.size(0)) return;
  throw core::UsageError("--count " + std::to_string(count) + ": " + path + " has " +
                             std::to_string(codes.size(0)) + " codes",
                         "leave --count out, or give more codes");
}

}  // namespace bbg::cli
