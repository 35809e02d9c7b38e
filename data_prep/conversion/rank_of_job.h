#pragma once
// Which process of a job this is, if mpirun or srun has started several: they say so in the
// environment, and data_prep needs nothing else of them. So it works where MPI does not.

#include <string>

namespace bbg::data_prep {

struct RankOfJob {
  int rank = 0, size = 1;
  int on_host = 1;            // processes of the job on this machine, as far as the launcher tells
  std::string job = "alone";  // the same text in all processes of a job, and in no other job
};

RankOfJob rank_of_job();

// Threads for this process: the cores that it is bound to (taskset, Slurm, mpirun); where it is not
// bound, its share of the machine's. At least 1.
int threads_of(const RankOfJob& self);

}  // namespace bbg::data_prep
