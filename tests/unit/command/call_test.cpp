#include "command/call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/unit/command/toy.h"

namespace bbg::command {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// zoo: `draw`, the toy; `live`, on ranks, with a run's options and two of its own.
class CallTest : public ::testing::Test {
 protected:
  CallTest() {
    program_.name = "zoo";
    program_.commands.push_back(test::toy_command(toy_));
    Command live{.name = "live", .summary = "lives", .reads_run = true, .place = Place::kRanks};
    live.options.add("--output", "FILE", &output_, "a diary");
    live.options.add_flag("--json", &json_, "as JSON");
    program_.commands.push_back(live);
    program_.commands.push_back({.name = "version", .summary = "says the version"});
  }
  Call call(const std::vector<std::string>& arguments) { return read_call(program_, arguments); }
  std::string problem(const std::vector<std::string>& arguments) {
    const Call found = call(arguments);
    return found.problem ? found.problem->what() : "";
  }

  test::Toy toy_;
  std::string output_;
  bool json_ = false;
  Program program_;
};

TEST_F(CallTest, OptionsAreReadInBothSpellingsAndAnyOrder) {
  const Call found = call({"draw", "--count", "3", "otter", "--colour=brown", "--quiet", "--wild",
                           "no", "--output=a=b"});
  ASSERT_FALSE(found.problem) << found.problem->what();
  EXPECT_EQ(found.command->name, "draw");
  EXPECT_FALSE(found.wants_help);
  EXPECT_EQ(toy_.animal, "otter");
  EXPECT_EQ(toy_.colour, "brown");
  EXPECT_EQ(toy_.output, "a=b");
  EXPECT_EQ(toy_.count, 3);
  EXPECT_FALSE(toy_.wild);
  EXPECT_TRUE(toy_.quiet);
  found.command->run();
  EXPECT_EQ(toy_.runs, 1);
}

TEST_F(CallTest, AnArgumentThatMayStandSeveralTimesTakesAllOfThem) {
  std::vector<std::string> animals;
  bool is_loud = false;
  Command feed{.name = "feed", .summary = "feeds"};
  feed.options.add_arguments("ANIMAL", &animals, "who eats");
  feed.options.add_flag("--loud", &is_loud, "with a bell");
  program_.commands.push_back(feed);
  EXPECT_EQ(problem({"feed"}), "ANIMAL... is missing");
  EXPECT_EQ(problem({"feed", "otter", "--loud", "owl", "ant"}), "");
  EXPECT_THAT(animals, ::testing::ElementsAre("otter", "owl", "ant"));
  EXPECT_TRUE(is_loud);
}

TEST_F(CallTest, OptionsThatAreNotGivenKeepTheirDefaults) {
  ASSERT_EQ(problem({"draw", "otter", "--output", "x"}), "");
  EXPECT_EQ(toy_.colour, "grey");
  EXPECT_EQ(toy_.count, 2);
  EXPECT_TRUE(toy_.wild);
  EXPECT_FALSE(toy_.quiet);
}

TEST_F(CallTest, AllProblemsAreNamedTogetherWithAHint) {
  const Call found = call({"draw", "--cout", "3", "--colour", "green", "--count", "12", "--wild",
                           "maybe", "--quiet=1", "otter", "bear"});
  ASSERT_TRUE(found.problem);
  EXPECT_STREQ(found.problem->what(),
               "unknown option --cout; did you mean --count?; "
               "--colour = 'green' must be one of grey, brown; "
               "--count = '12' must be a whole number from 1 to 9; "
               "--wild = 'maybe' is not of type true | false; "
               "--quiet takes no value; unexpected argument 'bear'; --output FILE is missing");
  EXPECT_EQ(found.problem->hint(), "zoo draw --help shows the options");
}

TEST_F(CallTest, ValuesThatLackOrAreEmptyAreRefused) {
  EXPECT_EQ(problem({"draw", "otter", "--output"}), "--output needs a value: --output FILE");
  EXPECT_EQ(problem({"draw", "otter", "--output", "--quiet"}),
            "--output needs a value: --output FILE");
  EXPECT_EQ(problem({"draw", "", "--output", "x"}), "ANIMAL = '' is empty");
  EXPECT_EQ(problem({"draw", "otter", "--output="}), "--output = '' is empty");
  EXPECT_EQ(problem({"draw", "otter", "--output=x", "--count", "1e3"}),
            "--count = '1e3' must be a whole number from 1 to 9");
  EXPECT_EQ(problem({"draw"}), "ANIMAL is missing; --output FILE is missing");
}

TEST_F(CallTest, PathsTakeTheEnvironmentsValues) {
  ::setenv("BBG_TEST_FOLDER_OF_ZOO", "/zoo", 1);
  ASSERT_EQ(problem({"draw", "otter", "--output", "$BBG_TEST_FOLDER_OF_ZOO/x"}), "");
  EXPECT_EQ(toy_.output, "/zoo/x");
  ::unsetenv("BBG_TEST_FOLDER_OF_ZOO");
  EXPECT_THAT(problem({"draw", "otter", "--output", "$BBG_TEST_FOLDER_OF_ZOO/x"}),
              ::testing::HasSubstr("BBG_TEST_FOLDER_OF_ZOO, which is not set"));
}

TEST_F(CallTest, UnknownCommandsAreRefusedWithTheNearest) {
  EXPECT_EQ(problem({"drwa"}), "unknown command 'drwa'; did you mean 'draw'?");
  EXPECT_EQ(problem({"elephant"}), "unknown command 'elephant'");
  EXPECT_EQ(problem({"--count", "3"}), "unknown command '--count'");
  EXPECT_EQ(problem({"help", "drwa"}), "unknown command 'drwa'; did you mean 'draw'?");
  EXPECT_EQ(call({"drwa"}).problem->hint(), "zoo --help lists the commands");
}

TEST_F(CallTest, WordsOfTheRunArePassedOnInOrder) {
  const Call found = call({"live", "--config", "a.ini", "--json", "--run.steps=3", "--output", "d",
                           "--run.name", "--x", "--steps", "4", "word"});
  ASSERT_FALSE(found.problem) << found.problem->what();
  EXPECT_THAT(found.run_words, ElementsAre("--config", "a.ini", "--run.steps=3", "--run.name",
                                           "--x", "--steps", "4", "word"));
  EXPECT_TRUE(json_);
  EXPECT_EQ(output_, "d");
}

// An option of the run whose value was forgotten does not take one of the command's own.
TEST_F(CallTest, OwnOptionsAreNoValuesOfTheRuns) {
  const Call found = call({"live", "--config", "--output", "d"});
  EXPECT_THAT(found.run_words, ElementsAre("--config"));
  EXPECT_EQ(output_, "d");
}

TEST_F(CallTest, MisspeltOwnOptionsAreNotTakenForTheRuns) {
  EXPECT_EQ(problem({"live", "--ouput", "x"}), "unknown option --ouput; did you mean --output?");
  EXPECT_EQ(problem({"live", "--jsn"}), "unknown option --jsn; did you mean --json?");
  EXPECT_EQ(problem({"live", "--a.output", "x"}), "");
}

TEST_F(CallTest, HelpIsAskedForInManyWays) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--help"}, {"-h"}, {"help"}}) {
    const Call found = call(arguments);
    EXPECT_TRUE(found.wants_help);
    EXPECT_EQ(found.command, nullptr);
    EXPECT_FALSE(found.problem);
  }
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"draw", "--help"}, {"draw", "--wrong", "-h"}, {"help", "draw"}}) {
    const Call found = call(arguments);
    EXPECT_TRUE(found.wants_help);
    ASSERT_NE(found.command, nullptr);
    EXPECT_EQ(found.command->name, "draw");
    EXPECT_FALSE(found.problem);
  }
}

TEST_F(CallTest, VersionIsACommandAndAnOption) {
  EXPECT_EQ(call({"version"}).command->name, "version");
  EXPECT_EQ(call({"--version"}).command->name, "version");
}

TEST_F(CallTest, ACommandLineThatBeginsWithAnOptionIsForTheDefaultCommand) {
  program_.default_command = "live";
  EXPECT_EQ(call({}).command->name, "live");
  const Call found = call({"--config", "a.ini", "--json"});
  EXPECT_EQ(found.command->name, "live");
  EXPECT_THAT(found.run_words, ElementsAre("--config", "a.ini"));
  EXPECT_THAT(call({"live", "--config", "a.ini"}).run_words, ElementsAre("--config", "a.ini"));
  EXPECT_EQ(call({"--config", "a.ini", "--help"}).command, nullptr);  // help for all
  EXPECT_EQ(call({"draw", "--help"}).command->name, "draw");
  EXPECT_EQ(call({"--version"}).command->name, "version");
  EXPECT_THAT(call({"--help"}).run_words, IsEmpty());
}

}  // namespace
}  // namespace bbg::command
