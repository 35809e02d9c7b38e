// launch/run from outside: what it passes on to the ranks, what becomes of them when it dies, and
// how often it starts them again.

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "core/error.h"
#include "tests/system/run_fixture.h"

namespace bbg {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class LaunchedRun : public test::BbgDist {
 protected:
  // Starts a command that hears all signals, unlike those that a shell puts into the background.
  pid_t start(const std::string& command) {
    const pid_t child = fork();
    if (child != 0) return child;
    const int nowhere = open("/dev/null", O_RDONLY);
    const int errors = open((folder_ / "err").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(nowhere, 0);
    dup2(errors, 1);
    dup2(errors, 2);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2}) signal(number, SIG_DFL);
    execl("/bin/bash", "bash", "-c", ("exec " + command).c_str(), nullptr);
    _exit(127);
  }
  std::string endless(int ranks, const std::string& output) {
    return train_command(ranks, output, "--run.steps 100000 --checkpoint.every 100000");
  }
  // Whether its ranks train; false where it has ended before.
  bool trains(pid_t child, const std::string& output) {
    const std::string metrics = folder_ / (output + "/metrics.jsonl");
    std::error_code absent;
    while (!fs::exists(metrics) || fs::file_size(metrics, absent) == 0) {
      if (waitpid(child, nullptr, WNOHANG) != 0) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
  }
  // Processes of bbg_dist whose command line has the run folder.
  std::vector<pid_t> ranks_of(const std::string& output) {
    std::vector<pid_t> found;
    for (const auto& entry : fs::directory_iterator("/proc")) {
      const std::string name = entry.path().filename();
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      const std::string command = test::read_file(entry.path() / "cmdline");
      const bool is_rank = command.substr(0, command.find('\0')).ends_with("bbg_dist");
      if (is_rank && command.find(folder_ / output) != std::string::npos) {
        found.push_back(std::stoi(name));
      }
    }
    return found;
  }
  // Memory that a rank shares with others: kinds and inodes of memory without a name, and files.
  struct Shared {
    std::set<std::string> nameless, files;
  };
  static Shared shared_by(const std::vector<pid_t>& ranks) {
    Shared found;
    for (const pid_t rank : ranks) {
      std::istringstream lines(test::read_file("/proc/" + std::to_string(rank) + "/maps"));
      for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string range, mode, offset, device, inode, path;
        words >> range >> mode >> offset >> device >> inode >> std::ws;
        std::getline(words, path);
        if (path.starts_with("/memfd:")) found.nameless.insert(inode + " " + path);
        if (mode == "rw-s" && path.find("_segment.") != std::string::npos) found.files.insert(path);
      }
    }
    return found;
  }
  // False: some of them are still there after a minute.
  static bool are_gone(const std::set<std::string>& files) {
    for (int tries = 0; tries < 600; ++tries) {
      if (std::none_of(files.begin(), files.end(), [](const auto& f) { return fs::exists(f); })) {
        return true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return false;
  }
  static pid_t parent_of(pid_t process) {
    const std::string text = test::read_file("/proc/" + std::to_string(process) + "/stat");
    return std::stoi(text.substr(text.rfind(')') + 4));
  }
  // A program of one rank for launch/run: `body` is shell text.
  std::string stand_in(const std::string& body) {
    const std::string path = folder_ / "program";
    test::write_file(path, "#!/bin/bash\ncd " + test::shell_word(folder_.path()) +
                               "\nif [[ ${1:-} == plan ]]; then\n  echo 'run folder: " +
                               (folder_ / "run") + "'\n  exit\nfi\n" + body);
    fs::permissions(path, fs::perms::owner_all);
    return test::shell_word(std::string(BBG_SOURCE_DIR) + "/launch/run") + " --program " +
           test::shell_word(path);
  }
};

TEST_F(LaunchedRun, HearsEverySignalAndSaves) {
  for (const auto& [ranks, number] : std::vector<std::pair<int, int>>{
           {2, SIGINT}, {2, SIGTERM}, {2, SIGHUP}, {2, SIGUSR1}, {2, SIGUSR2}, {1, SIGTERM}}) {
    SCOPED_TRACE(std::to_string(ranks) + " ranks, " + strsignal(number));
    const std::string output = "run" + std::to_string(ranks) + "_" + std::to_string(number);
    const pid_t child = start(endless(ranks, output));
    ASSERT_TRUE(trains(child, output)) << test::read_file(folder_ / "err");
    kill(child, number);
    int status = 0;
    waitpid(child, &status, 0);
    const std::string log = test::read_file(folder_ / "err");
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == core::kExitRestart) << log;
    EXPECT_THAT(log, HasSubstr("asked to stop: saved at step "));
  }
}

TEST_F(LaunchedRun, ThatIsKilledLeavesNoRanksBehind) {
  for (const int ranks : {1, 2}) {
    const std::string output = "run" + std::to_string(ranks);
    const pid_t child = start(endless(ranks, output));
    ASSERT_TRUE(trains(child, output)) << test::read_file(folder_ / "err");
    EXPECT_EQ(ranks_of(output).size(), static_cast<size_t>(ranks));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    for (int tries = 0; tries < 600 && !ranks_of(output).empty(); ++tries) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    const auto left = ranks_of(output);
    EXPECT_EQ(left.size(), 0u);
    for (const pid_t rank : left) kill(rank, SIGKILL);
  }
}

// The samples are one copy in memory without a name, which is gone with the ranks. MPI has files of
// its own there (vader_segment.*), which mpirun removes when ranks or launch/run were killed.
TEST_F(LaunchedRun, ThatIsKilledLeavesNoMemoryBehind) {
  for (const std::string killed : {"ranks", "launcher"}) {
    SCOPED_TRACE(killed);
    const pid_t child = start(endless(2, killed) + " --data.cache ram");
    ASSERT_TRUE(trains(child, killed)) << test::read_file(folder_ / "err");
    const std::vector<pid_t> ranks = ranks_of(killed);
    EXPECT_EQ(ranks.size(), 2u);
    const Shared shared = shared_by(ranks);
    EXPECT_THAT(shared.nameless, ::testing::ElementsAre(HasSubstr("/memfd:bbg_dist samples")));
    EXPECT_FALSE(shared.files.empty());
    for (const pid_t process : killed == "ranks" ? ranks : std::vector<pid_t>{child}) {
      kill(process, SIGKILL);
    }
    waitpid(child, nullptr, 0);
    EXPECT_TRUE(are_gone(shared.files));
  }
}

// The files count as left behind when they are older than a minute and no process has them.
TEST_F(LaunchedRun, RemovesTheMemoryThatAKilledMpirunLeft) {
  const pid_t child = start(endless(2, "killed"));
  ASSERT_TRUE(trains(child, "killed")) << test::read_file(folder_ / "err");
  const std::vector<pid_t> ranks = ranks_of("killed");
  ASSERT_EQ(ranks.size(), 2u);
  const Shared shared = shared_by(ranks);
  for (const std::string& file : shared.files) {
    fs::last_write_time(file, fs::last_write_time(file) - std::chrono::minutes(5));
  }
  EXPECT_EQ(train(1, "beside", "--run.steps 1").code, 0);
  for (const std::string& file : shared.files)
    EXPECT_TRUE(fs::exists(file)) << "of a run that lives";

  for (const pid_t process : {parent_of(ranks[0]), child, ranks[0], ranks[1]}) {
    kill(process, SIGKILL);
  }
  waitpid(child, nullptr, 0);
  while (!ranks_of("killed").empty()) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(train(1, "next", "--run.steps 1").code, 0);
  EXPECT_TRUE(are_gone(shared.files));
}

// Each of its processes writes one checkpoint and fails.
TEST_F(LaunchedRun, ThatAdvancesIsRestartedAsOftenAsItTakes) {
  const std::string command = stand_in(
      "n=$(ls run/checkpoints 2>/dev/null | wc -l)\n"
      "((n < 4)) || exit 0\n"
      "mkdir -p run/checkpoints/step-0000000$((n + 8))\n"
      "exit 75\n");
  const test::Outcome outcome = test::run_command(folder_, command + " --restarts 1 x");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err.find("restart 2 of"), std::string::npos) << outcome.err;
}

TEST_F(LaunchedRun, ThatDoesNotAdvanceIsGivenUp) {
  const std::string command = stand_in(
      "mkdir -p run/checkpoints/step-00000008 run/checkpoints/step-00000009.partial\n"
      "echo started >>starts\n"
      "exit 75\n");
  const test::Outcome outcome = test::run_command(folder_, command + " --restarts 2 x");
  EXPECT_EQ(outcome.code, core::kExitRestart);
  EXPECT_THAT(outcome.err, HasSubstr("giving up after 2 restarts without a new checkpoint"));
  EXPECT_EQ(test::read_file(folder_ / "starts"), "started\nstarted\nstarted\n");
}

TEST_F(LaunchedRun, WithoutRoomForTemporaryFilesIsRefused) {
  test::write_file(folder_ / "file", "");
  const std::string place = "TMPDIR=" + test::shell_word(folder_ / "file/tmp") + " ";
  const std::string text = "the folder for temporary files, " + (folder_ / "file/tmp");
  for (const int ranks : {1, 2}) {
    test::expect_one_line(test::run_command(folder_, place + train_command(ranks, "run", "")), 2,
                          "run: ", text);
  }
  test::expect_one_line(
      test::run_command(folder_, place + test::program("bbg_dist") + " --config " +
                                     test::shell_word(config_) + " --run.output " +
                                     test::shell_word(folder_ / "run")),
      2, "error: ", text);
}

}  // namespace
}  // namespace bbg
