#include "comm/launcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "core/error.h"
#include "tests/support/temporary_folder.h"

namespace bbg::comm {
namespace {

using ::testing::HasSubstr;
using Variables = std::map<std::string, std::string>;

Launcher launched(const Variables& variables) {
  return find_launcher([&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

template <class Work>
std::string refusal(Work work) {
  try {
    work();
  } catch (const core::UsageError& error) {
    return std::string(error.what()) + " | " + error.hint();
  }
  return "";
}

// Slurm 22.05 sets these in the batch script of `sbatch -n4`, in a step, and with a server.
const Variables kBatch = {{"SLURM_JOB_ID", "5"}, {"SLURM_NTASKS", "4"}, {"SLURM_PROCID", "0"}};
Variables step(int tasks, Variables more = {}) {
  more.insert({{"SLURM_NTASKS", std::to_string(tasks)},
               {"SLURM_PROCID", "0"},
               {"SLURM_STEP_ID", "0"},
               {"SLURM_STEP_NUM_TASKS", std::to_string(tasks)}});
  return more;
}

TEST(Launcher, OfAPlainProcessAndOfABatchScriptIsNone) {
  for (const Variables& variables : {Variables{}, kBatch}) {
    const Launcher launcher = launched(variables);
    EXPECT_EQ(launcher.name, "");
    EXPECT_EQ(launcher.ranks, 1);
    EXPECT_FALSE(launcher.is_lone_step);
    launcher.check_server();
    launcher.check_size(1);
  }
}

TEST(Launcher, OfARankIsItsMpirunAlsoInsideASlurmStep) {
  for (const Variables& around : {Variables{}, kBatch, step(1), step(2, {{"PMIX_RANK", "0"}})}) {
    Variables variables = around;
    variables["OMPI_COMM_WORLD_SIZE"] = "3";
    const Launcher launcher = launched(variables);
    EXPECT_EQ(launcher.name, "mpirun");
    EXPECT_EQ(launcher.ranks, 3);
    EXPECT_FALSE(launcher.is_lone_step);
    launcher.check_server();
    launcher.check_size(3);
    EXPECT_THAT(refusal([&] { launcher.check_size(1); }),
                HasSubstr("mpirun started 3 processes, but MPI knows of one rank"));
  }
}

TEST(Launcher, OfAnotherMpiIsFoundByItsPmi) {
  // MPICH's starts its proxies with srun, one a node.
  for (const Variables& around : {Variables{}, kBatch, step(2)}) {
    Variables variables = around;
    variables["PMI_SIZE"] = "4";
    const Launcher launcher = launched(variables);
    EXPECT_EQ(launcher.name, "mpiexec");
    launcher.check_server();
    launcher.check_size(4);
    EXPECT_THAT(refusal([&] { launcher.check_size(1); }),
                HasSubstr("use the mpiexec of the MPI that bbg_dist was built with"));
  }
}

TEST(Launcher, SrunWithoutAServerIsRefusedBeforeMpiStarts) {
  const Launcher launcher = launched(step(4));
  EXPECT_EQ(
      refusal([&] { launcher.check_server(); }),
      "srun started 4 processes that cannot find one another: each would be a run of its own "
      "in one folder | type: srun --mpi=pmix ... (srun --mpi=list shows what this Slurm has), "
      "or launch/run, which does");
  for (const Variables& server : {Variables{{"PMIX_RANK", "0"}}, Variables{{"PMI_SIZE", "4"}}}) {
    const Launcher found = launched(step(4, server));
    EXPECT_EQ(found.name, "srun");
    found.check_server();
    found.check_size(4);
    EXPECT_THAT(refusal([&] { found.check_size(1); }), HasSubstr("type: srun --mpi=pmix"));
    EXPECT_EQ(found.note.empty(), server.count("PMIX_RANK") == 1);
  }
}

TEST(Launcher, OneProcessOfAStepIsAlone) {
  EXPECT_TRUE(launched(step(1)).is_lone_step);
  EXPECT_TRUE(launched(step(1, {{"PMIX_RANK", "0"}})).is_lone_step);
  EXPECT_TRUE(launched(step(1, {{"PMI_SIZE", "1"}})).is_lone_step);
  EXPECT_FALSE(launched(step(1, {{"SLURM_HET_SIZE", "2"}})).is_lone_step);
  EXPECT_FALSE(launched(step(2)).is_lone_step);
  launched(step(1)).check_server();
}

TEST(Launcher, HiddenStepLeavesTheJobAndUsersSettings) {
  const Variables before = {
      {"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "1"}, {"SLURM_JOB_ID", "5"},
      {"PMIX_RANK", "0"},     {"PMIX_NAMESPACE", "a.b"},     {"PMIX_MCA_gds", "hash"},
      {"PMI_FD", "7"}};
  for (const auto& [name, value] : before) ::setenv(name.c_str(), value.c_str(), 1);
  hide_lone_step();
  for (const char* name :
       {"SLURM_STEP_ID", "SLURM_STEP_NUM_TASKS", "PMIX_RANK", "PMIX_NAMESPACE", "PMI_FD"}) {
    EXPECT_EQ(std::getenv(name), nullptr) << name;
  }
  EXPECT_STREQ(std::getenv("SLURM_JOB_ID"), "5");
  EXPECT_STREQ(std::getenv("PMIX_MCA_gds"), "hash");
  for (const auto& [name, value] : before) ::unsetenv(name.c_str());
  ::unsetenv("OMPI_MCA_ess_singleton_isolated");
}

TEST(TemporaryFolder, ThatTakesNoFilesIsRefused) {
  const test::TemporaryFolder folder;
  const char* const before = std::getenv("TMPDIR");
  const std::string old = before == nullptr ? "" : before;
  ::setenv("TMPDIR", (folder / "made/by/mpi").c_str(), 1);
  check_temporary_folder({});
  test::write_file(folder / "file", "");
  ::setenv("TMPDIR", (folder / "file/tmp").c_str(), 1);
  EXPECT_EQ(
      refusal([] { check_temporary_folder({}); }),
      "the folder for temporary files, " + (folder / "file/tmp") +
          " (TMPDIR), does not take what MPI needs, 16 MiB: Not a directory | set TMPDIR to a "
          "folder with room that you may write to");
  if (before == nullptr) {
    ::unsetenv("TMPDIR");
  } else {
    ::setenv("TMPDIR", old.c_str(), 1);
  }
}

}  // namespace
}  // namespace bbg::comm
