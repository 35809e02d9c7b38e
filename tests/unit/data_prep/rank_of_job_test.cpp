#include "data_prep/conversion/rank_of_job.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <map>
#include <string>

namespace bbg::data_prep {
namespace {

// The variables that launchers set.
RankOfJob with(const std::map<std::string, std::string>& variables) {
  for (const char* const name :
       {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE",
        "PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid", "PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS",
        "PMI_JOBID", "HYDRA_JOBID", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS_PER_NODE",
        "SLURM_STEP_NUM_NODES", "SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_RESTART_COUNT"}) {
    ::unsetenv(name);
  }
  for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
  return rank_of_job();
}

const std::map<std::string, std::string> kStep = {{"SLURM_PROCID", "3"},
                                                  {"SLURM_STEP_NUM_TASKS", "5"},
                                                  {"SLURM_STEP_NUM_NODES", "2"},
                                                  {"SLURM_JOB_ID", "7"},
                                                  {"SLURM_STEP_ID", "0"}};

TEST(RankOfJobTest, IsAloneWithoutALauncherAndInABatchScript) {
  EXPECT_EQ(with({}).size, 1);
  EXPECT_EQ(with({{"SLURM_PROCID", "0"}, {"SLURM_JOB_ID", "7"}}).size, 1);
}

TEST(RankOfJobTest, IsATaskOfOneStepOfSlurm) {
  const RankOfJob self = with(kStep);
  EXPECT_EQ(self.rank, 3);
  EXPECT_EQ(self.size, 5);
  EXPECT_EQ(self.on_host, 3) << "of five tasks on two nodes";
  EXPECT_EQ(self.job, "7-0");
}

TEST(RankOfJobTest, TellsAJobFromItselfBeforeItWentBackIntoTheQueue) {
  auto again = kStep;
  again["SLURM_RESTART_COUNT"] = "1";
  EXPECT_NE(with(again).job, with(kStep).job);
}

TEST(RankOfJobTest, IsARankOfOpenMpiInsideAStepOfSlurm) {
  auto inside = kStep;
  inside.insert({{"OMPI_COMM_WORLD_RANK", "1"},
                 {"OMPI_COMM_WORLD_SIZE", "2"},
                 {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"},
                 {"PMIX_NAMESPACE", "99"}});
  const RankOfJob self = with(inside);
  EXPECT_EQ(self.rank, 1);
  EXPECT_EQ(self.size, 2);
  EXPECT_EQ(self.on_host, 2);
  EXPECT_EQ(self.job, "99");
}

}  // namespace
}  // namespace bbg::data_prep
