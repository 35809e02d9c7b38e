#pragma once
// collectives-rank-<rank>.json in the run folder: what a rank's newest collectives were
// (docs/failure_model.md); those of a communicator for one purpose have it in their name. For
// people, and, where the folder is shared, for ranks of other hosts, which see nothing else of each
// other once a transfer hangs.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace bbg::comm {

// `purpose`: of SplitOptions; empty for the ranks of the whole job.
std::string collectives_path(const std::string& folder, int rank, const std::string& purpose = "");

// Written aside and renamed: a reader finds the old or the new one. False: it could not be written.
bool write_collectives(const std::string& path, const std::string& text);

struct PeerCollective {
  int64_t sequence;
  std::string operation;
  int64_t bytes;
};
// Reads a file, oldest first. Empty where there is no such file, or it is of another job than
// `job`.
std::vector<PeerCollective> read_collectives(const std::string& path, int64_t job);

// For writing and reading these small files when the job is about to end.
inline constexpr int64_t kFilesLimitMs = 5000;

// Does `work` on a thread of its own, for at most `limit_ms`: a file system that hangs must not
// keep a deadline from passing. Nothing: not done in time; the thread is left behind, so `work`
// owns all that it uses.
std::optional<std::string> within(int64_t limit_ms, std::function<std::string()> work);

}  // namespace bbg::comm
