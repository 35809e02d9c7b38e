#pragma once
// How a damaged file of a data set is told.

#include <string>

#include "core/error.h"

namespace bbg::data {

inline constexpr const char* kRepairHint =
    "copy the file again or make the shards anew with data_prep shard; data_prep verify checks "
    "every byte";

// UsageError: "FILE is damaged: WHAT".
[[noreturn]] inline void throw_damaged(const std::string& path, const std::string& what) {
  throw core::UsageError(path + " is damaged: " + what, kRepairHint);
}

// Tells what HDF5 made of the file's structure: UsageError where it is not as it should be. An
// error of the system goes on as it is, since the file may be whole. For a handler of that error.
[[noreturn]] inline void throw_unreadable(const std::string& path, const core::SystemError& error) {
  const std::string& cause = error.details().cause;
  if (error.details().code != 0) throw;
  // HDF5's words for a file that is shorter than its superblock says.
  if (cause.starts_with("truncated file")) {
    throw core::UsageError(path + " is truncated (" + cause + ")", kRepairHint);
  }
  throw core::UsageError(
      path + " is damaged or not a shard (" + error.details().call + ": " + cause + ")",
      kRepairHint);
}

}  // namespace bbg::data
