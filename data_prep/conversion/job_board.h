#pragma once
// How the processes of one job tell each other, through small files in the output folder, how far
// they are: no launcher's messages are needed, and a network file system will do. Rank 0 leads: the
// others begin when it has the folder, and it ends when they have.
//
// A process that is silent for kSilence is taken for dead. One thread each, but that update() may
// be called beside the thread that beats.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data_prep/conversion/rank_of_job.h"

namespace bbg::data_prep {

class JobBoard {
 public:
  static constexpr std::chrono::seconds kSilence{120};

  JobBoard(std::string folder, const RankOfJob& self);
  // Removes this process's file. Rank 0's goes last.
  ~JobBoard();

  // Rank 0, once it owns the folder: removes what earlier jobs left there, and lets the others
  // begin, with this text.
  void begin(const std::string& text);
  // The others: waits for it. SystemError where rank 0 says nothing, UsageError where it has
  // failed.
  std::string wait_for_begin();

  // Says how many images this process has done. Cheap; written every few seconds.
  void update(int64_t images);
  // The job's images as far as known. Rank 0 calls it; SystemError where a rank has failed.
  int64_t images();

  // This process has done its part, or has failed.
  void end(const std::string& failure = "");
  // Rank 0: waits until all have ended.
  void wait_for_others();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bbg::data_prep
