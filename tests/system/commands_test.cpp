// The commands of bbg_dist from outside: each explains itself, and a wrong word is refused once,
// however many ranks there are.

#include <dlfcn.h>

#include <filesystem>
#include <sstream>

#include "tests/system/run_fixture.h"

namespace bbg {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Commands : public test::BbgDist {
 protected:
  test::Outcome run(const std::string& arguments) {
    return test::run_command(folder_, test::program("bbg_dist") + " " + arguments);
  }
};

TEST_F(Commands, EachExplainsItsOwnOptions) {
  for (const std::string name :
       {"train", "plan", "sample", "export", "options", "metrics", "version", "commands"}) {
    SCOPED_TRACE(name);
    const test::Outcome help = run(name + " --help");
    EXPECT_EQ(help.code, 0);
    EXPECT_EQ(help.err, "");
    const std::string shown = name == "train" ? "[train]" : name;
    EXPECT_THAT(help.out, StartsWith("Usage: bbg_dist " + shown));
    EXPECT_THAT(help.out, Not(HasSubstr("--train.lr-g")));
    EXPECT_EQ(run("help " + name).out, help.out);
    std::istringstream lines(help.out);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100u) << line;
  }
  EXPECT_THAT(run("sample --help").out, HasSubstr("\n  --class NAME[,NAME...]  "));
  EXPECT_THAT(run("export --help").out, HasSubstr("\n  --networks 'G E D'  "));
}

TEST_F(Commands, UnknownOnesAreRefusedOnceWithTheNearest) {
  test::expect_one_line(run("sampel"), 2,
                        "error: ", "unknown command 'sampel'; did you mean 'sample'?");
  test::expect_one_line(
      test::run_command(folder_, test::shell_word(std::string(BBG_SOURCE_DIR) + "/launch/run") +
                                     " --restarts 0 --ranks 2 --program " +
                                     test::program("bbg_dist") + " exprot"),
      2, "error: ", "unknown command 'exprot'; did you mean 'export'?");
}

TEST_F(Commands, TrainIsTheSameAsNoCommand) {
  const std::string options =
      "--config " + test::shell_word(config_) + " --run.steps 2 --run.output ";
  ASSERT_EQ(run(options + test::shell_word(folder_ / "one")).code, 0);
  ASSERT_EQ(run("train " + options + test::shell_word(folder_ / "other")).code, 0);
  expect_equal_bits("one", "other", 2);
  test::expect_one_line(run("train"), 2, "error: ", "no --config given");
}

#ifdef BBG_CUDA
// Any library under the driver's name stands for one here.
TEST_F(Commands, WithoutTheGpusLibraryAreRefusedWhereThereIsADriver) {
  const std::string alone = test::shell_word(folder_ / "bbg_dist") + " sample --config " +
                            test::shell_word(folder_ / "none.ini") + " --output grid.png";
  std::filesystem::copy_file(std::string(BBG_BIN_DIR) + "/bbg_dist", folder_ / "bbg_dist");
  test::expect_one_line(test::run_command(folder_, alone), 2, "error: ", "none.ini");
  std::filesystem::create_directory(folder_ / "driver");
  Dl_info some{};
  ASSERT_NE(::dladdr(::dlsym(RTLD_DEFAULT, "jpeg_std_error"), &some), 0);
  std::filesystem::copy_file(some.dli_fname, folder_ / "driver/libcuda.so.1");
  const std::string with_driver =
      "LD_LIBRARY_PATH=" + test::shell_word(folder_ / "driver") + ":$LD_LIBRARY_PATH ";
  test::expect_one_line(test::run_command(folder_, with_driver + alone), 1,
                        "error: ", "libbbg_gpu.so");
  test::expect_one_line(
      test::run_command(folder_, with_driver +
                                     test::shell_word(std::string(BBG_SOURCE_DIR) + "/launch/run") +
                                     " --restarts 0 --ranks 2 --program " + alone),
      1, "error: ", "libbbg_gpu.so");
}
#endif

}  // namespace
}  // namespace bbg
