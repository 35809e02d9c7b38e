#include "cli/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <set>

#include "command/call.h"
#include "command/pages.h"
#include "data_prep/commands.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/command/toy.h"

namespace bbg::cli {
namespace {

using ::testing::HasSubstr;

// Both programs.
class CommandsTest : public ::testing::Test {
 protected:
  CommandsTest() {
    fill_program(job_, bbg_dist_);
    data_prep::fill_program(data_prep_);
  }
  static std::string in_repository(const std::string& path) {
    return test::read_file(std::string(BBG_SOURCE_DIR) + "/" + path);
  }
  static void expect_current(const std::string& path, const std::string& text) {
    EXPECT_TRUE(in_repository(path) == text) << path << " is stale: `make docs` makes it again";
  }

  Job job_;
  command::Program bbg_dist_, data_prep_;
  const std::vector<command::Program*> programs_ = {&bbg_dist_, &data_prep_};
};

TEST_F(CommandsTest, NamesAreUniqueAndEveryCommandSaysWhatItDoes) {
  for (command::Program* program : programs_) {
    std::set<std::string> names = {"help"};
    for (const command::Command& command : program->commands) {
      SCOPED_TRACE(program->name + " " + command.name);
      EXPECT_TRUE(names.insert(command.name).second);
      ASSERT_FALSE(command.summary.empty());
      EXPECT_TRUE(std::islower(static_cast<unsigned char>(command.summary.front())));
      EXPECT_NE(command.summary.back(), '.');
      EXPECT_TRUE(command.details.empty() || command.details.back() == '.');
      EXPECT_TRUE(command.run);
    }
    EXPECT_TRUE(program->default_command.empty() || program->find(program->default_command));
    EXPECT_NE(program->find("version"), nullptr);  // --version is the same
  }
}

TEST_F(CommandsTest, EveryOptionHasHelpAndAWord) {
  for (command::Program* program : programs_) {
    for (const command::Command& command : program->commands) {
      for (const command::Option& option : command.options.all()) {
        SCOPED_TRACE(program->name + " " + command.name + " " + option.shown());
        EXPECT_FALSE(option.help.empty());
        EXPECT_TRUE(option.name.empty() || option.name.starts_with("--"));
        // A dot belongs to the options of a run.
        EXPECT_EQ(option.name.find('.'), std::string::npos);
        EXPECT_NE(option.name, "--config");
        EXPECT_NE(option.name, "--help");
        EXPECT_FALSE(option.name.empty() && command.reads_run);
      }
    }
  }
}

TEST_F(CommandsTest, ExamplesAreCommandLinesThatAreUnderstood) {
  for (command::Program* program : programs_) {
    for (const command::Command& command : program->commands) {
      std::string text = command.examples;
      for (size_t at = 0; (at = text.find("\\\n", at)) != std::string::npos;) text.erase(at, 2);
      std::istringstream lines(text);
      for (std::string line; std::getline(lines, line);) {
        SCOPED_TRACE(line);
        EXPECT_THAT(line, HasSubstr(program->name));
        if (line.find_first_of("'|(") != std::string::npos) continue;  // for a shell
        std::istringstream words(line.substr(line.find(program->name) + program->name.size()));
        std::vector<std::string> arguments;
        for (std::string word; words >> word;) arguments.push_back(word);
        Job job;
        command::Program fresh;
        program == &bbg_dist_ ? fill_program(job, fresh) : data_prep::fill_program(fresh);
        const command::Call call = command::read_call(fresh, arguments);
        ASSERT_FALSE(call.problem) << call.problem->what();
        EXPECT_EQ(call.command->name, command.name);
      }
    }
  }
}

TEST_F(CommandsTest, OnlyTrainingWorksOnRanks) {
  for (const command::Command& command : bbg_dist_.commands) {
    EXPECT_EQ(command.place == command::Place::kRanks, command.name == "train") << command.name;
  }
}

TEST_F(CommandsTest, OwnOptionsOfExportAndSampleAreReadInAllSpellings) {
  for (const std::string name : {"export", "sample"}) {
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"--output", "x", "--averaged", "no"},
          {"--output=x", "--averaged=false"},
          {"--averaged", "0", "--config", "a.ini", "--output", "x", "--json"}}) {
      std::vector<std::string> arguments = {name};
      arguments.insert(arguments.end(), words.begin(), words.end());
      const command::Call call = command::read_call(bbg_dist_, arguments);
      EXPECT_FALSE(call.problem) << call.problem->what();
    }
  }
  const command::Call call =
      command::read_call(bbg_dist_, {"sample", "--output", "x", "--count", "0"});
  ASSERT_TRUE(call.problem);
  EXPECT_THAT(call.problem->what(), HasSubstr("--count = '0' must be a whole number from 1 to "));
}

// One function, and one line: the command is listed, explained, completed and called.
TEST_F(CommandsTest, ANewCommandIsOneLineOfTheTable) {
  test::Toy toy;
  bbg_dist_.commands.push_back(test::toy_command(toy));
  EXPECT_THAT(command::markdown_page(bbg_dist_), HasSubstr("\n## bbg_dist draw\n"));
  EXPECT_THAT(command::man_page(bbg_dist_), HasSubstr("\n.SS \"bbg_dist draw\"\n"));
  EXPECT_THAT(command::bash_completion(bbg_dist_), HasSubstr("\n    draw)\n"));
  const command::Call call =
      command::read_call(bbg_dist_, {"draw", "otter", "--output", "otter.png"});
  ASSERT_FALSE(call.problem);
  call.command->run();
  EXPECT_EQ(toy.runs, 1);
  EXPECT_EQ(toy.animal, "otter");
}

TEST_F(CommandsTest, GeneratedFilesAreCurrent) {
  std::string page;
  for (command::Program* program : programs_) {
    page += command::markdown_page(*program);
    expect_current("docs/man/" + program->name + ".1", command::man_page(*program));
    expect_current("launch/completion/" + program->name + ".bash",
                   command::bash_completion(*program));
  }
  expect_current("docs/commands.md", page);
}

}  // namespace
}  // namespace bbg::cli
