#pragma once
// The checkpoints of a run: folder/step-NNNNNNNN/{state.safetensors, manifest.json}, the newest
// `keep` of them and the best by a measure (docs/formats.md). A checkpoint appears complete or not
// at all, whenever the process, the machine or the disk stops: it is written aside, synced,
// renamed. Called by one process, rank 0, and one thread at a time.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/checkpoint_folder.h"
#include "core/file_system.h"
#include "core/types.h"

namespace bbg::checkpoint {

class Store {
 public:
  struct Loaded {
    core::StateDict state;
    int64_t step = 0;
    std::string path;
  };

  // The checkpoint that is best by a measure, as best.json says.
  struct Best {
    int64_t step = 0;
    std::string measure;
    double value = 0;
  };

  // `files` must outlive the store. Touches nothing yet. A checkpoint that fails `check` counts as
  // one that is not whole.
  Store(core::FileSystem& files, std::string folder, int64_t keep, Check check = {});

  // Durable when it returns. Throws SystemError if the disk fails; what was there is then still
  // there. A complete checkpoint of the same step stays if it is equal and is a UsageError if not;
  // a broken one is replaced.
  void save(const core::StateDict& state, int64_t step);

  // The newest checkpoint whose size and checksum are right; none if there is no checkpoint at all.
  // `skipped` (may be null) receives a line for each newer one that was passed over. UsageError if
  // there are checkpoints but none is whole, or if one is of another format version. SystemError if
  // the disk fails: then nothing is known.
  std::optional<Loaded> load_newest(std::vector<std::string>* skipped);

  // For a run that goes on from an earlier state: the newest whole checkpoint of a step below
  // `before`, else the oldest whole one. Those beyond it, of the way that is given up, are removed,
  // newest first. UsageError as above, and where there is no checkpoint.
  Loaded go_back(int64_t before, std::vector<std::string>* skipped);

  // From here on the complete checkpoint best.step is kept, whatever else is removed, until another
  // takes its place. Where go_back() gives up its step, its folder becomes best-NNNNNNNN.
  void keep_best(const Best& best);
  // None if there is none, or if its folder is gone.
  std::optional<Best> best();
  // UsageError if there is none, or if it is not whole.
  Loaded load_best();

  // The checkpoint in this folder, .../step-NNNNNNNN or .../best-NNNNNNNN. UsageError if it is not
  // one, not whole, or of another format version.
  static Loaded load_folder(core::FileSystem& files, std::string folder);

  // Steps of the folders that bear a checkpoint's final name, ascending; whole or not.
  std::vector<int64_t> steps();

 private:
  std::string path_of(int64_t step) const;
  std::string best_path_of(int64_t step) const;  // after its step was given up
  void remove_leftovers();
  void remove_old(int64_t newest);
  // The first whole one of these steps; none if there are no steps.
  std::optional<Loaded> load_first(const std::vector<int64_t>& steps,
                                   std::vector<std::string>* skipped);
  // A checkpoint that is half removed must not look like one.
  void hide(int64_t step);

  core::FileSystem& files_;
  std::string folder_;
  int64_t keep_;
  Check check_;
};

}  // namespace bbg::checkpoint
