#pragma once
// How one communicator is watched (watchdog.h).

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace bbg::comm {

struct WatchdogOptions {
  int64_t deadline_ms = 0;  // 0: never expires
  // Where the rank's newest collectives are written (collectives_file.h); empty: nowhere.
  std::string dump_folder;
  // A communicator that serves one thing only has it in messages and in the file's name.
  std::string purpose = {};
  // Numbers of its ranks in the job, in order; empty: 0 to size - 1.
  std::vector<int> members = {};
  // A number that all ranks of this job know and that no job before had in that folder.
  int64_t job = 0;
  // The longest wait at the end for a look at the library that does not come back.
  int64_t last_look_ms = 10'000;
  // Gets the message; the default prints it to standard error and leaves with _exit(75).
  std::function<void(const std::string&)> on_expire;
};

}  // namespace bbg::comm
