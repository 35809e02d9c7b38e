#include "command/help.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/unit/command/toy.h"

namespace bbg::command {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class HelpTest : public ::testing::Test {
 protected:
  HelpTest() {
    table_.add("run.steps", &steps_, "Updates").at_least(0);
    program_.name = "zoo";
    program_.summary = "keeps animals";
    program_.details = "They are fed.";
    program_.default_command = "live";
    program_.commands.push_back(test::toy_command(toy_));
    program_.commands.push_back({.name = "live", .summary = "lives", .reads_run = true});
    program_.exit_codes = {{0, "done"}, {2, "escaped"}};
    program_.run_options = &table_;
  }
  const Command& draw() { return *program_.find("draw"); }

  test::Toy toy_;
  int64_t steps_ = 7;
  core::OptionTable table_;
  Program program_;
};

TEST_F(HelpTest, TheSynopsisHasEveryOption) {
  EXPECT_EQ(synopsis(program_, draw()),
            "zoo draw ANIMAL --output FILE [--colour grey|brown] [--count N] [--wild true|false] "
            "[--quiet]");
  EXPECT_EQ(synopsis(program_, *program_.find("live")),
            "zoo [live] --config FILE [--section.key VALUE]...");
}

TEST_F(HelpTest, TheHelpOfACommandHasItsOptionsWithDefaults) {
  EXPECT_EQ(command_help(program_, draw()),
            "Usage: zoo draw ANIMAL --output FILE [--colour grey|brown] [--count N] [--wild "
            "true|false] [--quiet]\n"
            "\n"
            "Draws an animal. It - the 'animal' - may be wild.\n"
            "\n"
            "  ANIMAL               which one\n"
            "  --output FILE        the picture\n"
            "  --colour grey|brown  of its fur (default: grey)\n"
            "  --count N            how many (default: 2)\n"
            "  --wild true|false    not of a farm (default: true)\n"
            "  --quiet              says nothing\n"
            "\n"
            "Examples:\n"
            "  zoo draw otter --output '\\otter.png'\n");
}

TEST_F(HelpTest, TheHelpOfACommandOfARunSaysWhereTheRunsOptionsStand) {
  const std::string help = command_help(program_, *program_.find("live"));
  EXPECT_THAT(help, HasSubstr("\n\nLives.\n\n"));
  EXPECT_THAT(help, HasSubstr("  --config FILE        the configuration of the run\n"));
  EXPECT_THAT(help, HasSubstr("  --section.key VALUE  any option of the run; it wins over the "
                              "file: zoo options lists them\n"));
}

TEST_F(HelpTest, TheHelpOfTheProgramHasCommandsExitCodesAndTheRunsOptions) {
  const std::string help = program_help(program_);
  EXPECT_THAT(help, StartsWith("zoo keeps animals.\n\n  zoo draw ANIMAL --output FILE "));
  EXPECT_THAT(help, HasSubstr("\n      draws an animal\n  zoo [live] "));
  EXPECT_THAT(help, HasSubstr("\nThey are fed.\n\nExit codes: 0 done; 2 escaped.\n"));
  EXPECT_THAT(help, HasSubstr("  --run.steps 7 "));
}

TEST_F(HelpTest, NoLineIsWiderThanATerminal) {
  std::istringstream lines(program_help(program_) + command_help(program_, draw()));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100u) << line;
}

TEST_F(HelpTest, ACallGetsWhatItAsksFor) {
  EXPECT_EQ(help_of(program_, read_call(program_, {"--help"})), program_help(program_));
  EXPECT_EQ(help_of(program_, read_call(program_, {"help", "draw"})),
            command_help(program_, draw()));
}

}  // namespace
}  // namespace bbg::command
