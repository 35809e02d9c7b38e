#pragma once
// data_prep is one process of several threads, whatever starts it.

namespace bbg::data_prep {

// UsageError in every process but the first of a job that mpirun or srun has started as several.
// They say so in the environment; without that each would convert everything.
void refuse_further_processes();

}  // namespace bbg::data_prep
