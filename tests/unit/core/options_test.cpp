#include "core/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstdlib>
#include <filesystem>
#include <limits>

#include "core/error.h"
#include "tests/support/temporary_folder.h"

namespace bbg::core {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

enum class System { kGan, kBigan, kBigbigan };

// One option of every kind, as a module would own them.
struct Fields {
  int64_t steps = 100;
  double rate = 5e-05;
  double momentum = 0.5;
  bool shuffle = true;
  std::string name = "a run";
  System system = System::kBigbigan;
  std::string shards;

  void declare(OptionTable& table) {
    table.add("train.steps", &steps, "Updates of the generator").unit("steps").at_least(1);
    table.add("train.rate", &rate, "Learning rate").above(0);
    table.add("train.momentum", &momentum, "First moment").at_least(0).at_most(0.999);
    table.add("data.shuffle", &shuffle, "Shuffle each epoch");
    table.add("data.shards", &shards, "Folder of the data set");
    table.add("run.name", &name, "Title of the run");
    table.add("run.system", &system,
              {{"gan", System::kGan}, {"bigan", System::kBigan}, {"bigbigan", System::kBigbigan}},
              "Which terms the loss has");
  }
};

class OptionTableTest : public testing::Test {
 protected:
  OptionTableTest() { fields_.declare(table_); }

  // The text of the UsageError that parsing throws.
  std::string refusal(const std::vector<std::string>& arguments) {
    try {
      table_.parse(arguments);
    } catch (const UsageError& error) {
      EXPECT_EQ(error.hint(), "`--help` lists every key with its bounds");
      return error.what();
    }
    return "accepted";
  }
  std::string refusal_of_ini(const std::string& text) {
    try {
      table_.parse_ini(text, "run.ini");
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  }
  std::string config(const std::string& text, const std::string& name = "run.ini") {
    test::write_file(folder_ / name, text);
    return folder_ / name;
  }

  test::TemporaryFolder folder_;
  Fields fields_;
  OptionTable table_;
};

TEST_F(OptionTableTest, WithoutArgumentsTheDefaultsStay) {
  table_.parse({});
  EXPECT_EQ(fields_.steps, 100);
  EXPECT_EQ(fields_.rate, 5e-05);
  EXPECT_TRUE(fields_.shuffle);
  EXPECT_EQ(fields_.name, "a run");
  EXPECT_EQ(table_.config_path(), "");
}

TEST_F(OptionTableTest, AnIniFileSetsWhatItNames) {
  const std::string path = config(
      "# the whole line is a comment\n"
      "[train]\n"
      "steps = 7   # and so is the rest of one\n"
      "  rate=1e-3\n"
      "\n"
      "[run]\n"
      "name = two  words\n"
      "[data]\n"
      "shuffle = off\n"
      "shards =\n");
  table_.parse({"--config", path});
  EXPECT_EQ(fields_.steps, 7);
  EXPECT_EQ(fields_.rate, 1e-3);
  EXPECT_EQ(fields_.momentum, 0.5);
  EXPECT_EQ(fields_.name, "two  words");
  EXPECT_FALSE(fields_.shuffle);
  EXPECT_EQ(fields_.shards, "");
  EXPECT_EQ(table_.config_path(), path);
}

TEST_F(OptionTableTest, TheCommandLineTakesValuesAfterABlankOrAnEqualsSign) {
  table_.parse({"--train.steps", "7", "--train.rate=2e-3", "--run.name", "two words",
                "--data.shards=/data/a=b", "--data.shuffle", "no"});
  EXPECT_EQ(fields_.steps, 7);
  EXPECT_EQ(fields_.rate, 2e-3);
  EXPECT_EQ(fields_.name, "two words");
  EXPECT_EQ(fields_.shards, "/data/a=b");
  EXPECT_FALSE(fields_.shuffle);
  table_.parse({"--run.name="});
  EXPECT_EQ(fields_.name, "");
}

TEST_F(OptionTableTest, TheCommandLineWinsOverTheFileWhereverItStands) {
  const std::string path = config("[train]\nsteps = 7\nrate = 0.25\n");
  table_.parse({"--train.steps", "8", "--config=" + path});
  EXPECT_EQ(fields_.steps, 8);
  EXPECT_EQ(fields_.rate, 0.25);
  table_.parse({"--config", path, "--train.steps", "9"});
  EXPECT_EQ(fields_.steps, 9);
}

TEST_F(OptionTableTest, BooleansHaveFourSpellingsEach) {
  for (const char* yes : {"true", "1", "yes", "on"}) {
    fields_.shuffle = false;
    table_.parse({"--data.shuffle", yes});
    EXPECT_TRUE(fields_.shuffle) << yes;
  }
  for (const char* no : {"false", "0", "no", "off"}) {
    fields_.shuffle = true;
    table_.parse({"--data.shuffle", no});
    EXPECT_FALSE(fields_.shuffle) << no;
  }
}

TEST_F(OptionTableTest, AMisspeltKeyNamesTheNearestOne) {
  EXPECT_EQ(refusal({"--train.stesp", "7"}),
            "command line: unknown key 'train.stesp'; did you mean 'train.steps'?");
  EXPECT_EQ(refusal_of_ini("[train]\nmomentun = 0\n"),
            "run.ini:2: unknown key 'train.momentun'; did you mean 'train.momentum'?");
}

TEST_F(OptionTableTest, ARightNameInAWrongSectionOrInNoneNamesTheRightOne) {
  EXPECT_THAT(refusal({"--data.momentum", "7"}), HasSubstr("did you mean 'train.momentum'?"));
  EXPECT_THAT(refusal_of_ini("shards = x\n"),
              AllOf(HasSubstr("unknown key 'shards'"), HasSubstr("did you mean 'data.shards'?")));
}

TEST_F(OptionTableTest, AKeyThatIsNearNothingIsJustUnknown) {
  EXPECT_EQ(refusal({"--zzzzzzzzzzzz.qqqqqqqqqqqq", "1"}),
            "command line: unknown key 'zzzzzzzzzzzz.qqqqqqqqqqqq'");
}

TEST_F(OptionTableTest, AValueOfTheWrongTypeIsRefused) {
  EXPECT_EQ(refusal({"--train.steps", "7.5"}),
            "command line: train.steps = '7.5' is not of type integer");
  for (const char* text : {"", "seven", "7x", " 7", "1e2", "99999999999999999999"}) {
    EXPECT_NE(refusal({"--train.steps", text}), "accepted") << text;
  }
  EXPECT_EQ(refusal({"--train.rate", "fast"}),
            "command line: train.rate = 'fast' is not of type number");
  for (const char* text : {"", "nan", "inf", "-inf", "1e999", "0,5", "0x10", "1 2"}) {
    EXPECT_NE(refusal({"--train.rate", text}), "accepted") << text;
  }
  EXPECT_EQ(refusal({"--data.shuffle", "maybe"}),
            "command line: data.shuffle = 'maybe' is not of type true | false");
  EXPECT_NE(refusal({"--data.shuffle", "TRUE"}), "accepted");
}

TEST_F(OptionTableTest, AValueOutOfBoundsIsRefusedAndTheBoundsAreNamed) {
  EXPECT_EQ(refusal({"--train.steps", "0"}),
            "command line: train.steps = '0' is out of bounds: at least 1");
  EXPECT_EQ(refusal({"--train.rate", "0"}),
            "command line: train.rate = '0' is out of bounds: above 0");
  EXPECT_EQ(refusal({"--train.momentum", "1"}),
            "command line: train.momentum = '1' is out of bounds: 0 to 0.999");
  EXPECT_EQ(refusal({"--run.system", "vae"}),
            "command line: run.system = 'vae' is out of bounds: gan | bigan | bigbigan");
  // The bounds themselves belong to the range, but for `above`.
  table_.parse({"--train.steps=1", "--train.momentum=0", "--run.system=gan"});
  table_.parse({"--train.momentum=0.999", "--train.rate=1e-300"});
}

TEST_F(OptionTableTest, AKeyGivenTwiceInAFileIsRefused) {
  EXPECT_EQ(refusal_of_ini("[train]\nsteps = 7\nsteps = 8\n"),
            "run.ini:3: key 'train.steps' is given twice, first in line 2");
  EXPECT_EQ(refusal_of_ini("[train]\nsteps = 7\n[run]\nname = x\n[train]\nsteps = 7\n"),
            "run.ini:6: key 'train.steps' is given twice, first in line 2");
}

TEST_F(OptionTableTest, OnTheCommandLineTheLastOfTwoWins) {
  table_.parse({"--train.steps", "7", "--train.steps=8"});
  EXPECT_EQ(fields_.steps, 8);
}

TEST_F(OptionTableTest, AllProblemsComeInOneMessageEachWithItsOrigin) {
  const std::string path = config("[train]\nsteps = many\nrat = 1\nmomentum = 2\n");
  EXPECT_EQ(refusal({"--config", path, "loose", "--run.system", "vae", "--data.shuffle"}),
            "6 problems in the options:\n"
            "  command line: unexpected word 'loose'; options read --section.key value\n"
            "  command line: --data.shuffle lacks its value\n"
            "  " +
                path +
                ":2: train.steps = 'many' is not of type integer\n"
                "  " +
                path +
                ":3: unknown key 'train.rat'; did you mean 'train.rate'?\n"
                "  " +
                path +
                ":4: train.momentum = '2' is out of bounds: 0 to 0.999\n"
                "  command line: run.system = 'vae' is out of bounds: gan | bigan | bigbigan");
}

TEST_F(OptionTableTest, ALineOfAFileThatIsNeitherSectionNorValueIsRefused) {
  EXPECT_THAT(refusal_of_ini("[train]\nsteps\n"),
              AllOf(StartsWith("run.ini:2: "), HasSubstr("'steps'")));
}

TEST_F(OptionTableTest, ALineInErrorHidesNoOtherProblemOfItsFile) {
  EXPECT_EQ(refusal_of_ini("steps\n"
                           "[train]\n"
                           "rate\n"
                           "steps = 0\n"
                           "[run\n"
                           "name = the section is known in spite of its line\n"
                           "[data] shuffle = on\n"
                           "[]\n"
                           "[run]\n"
                           "system = vae\n"),
            "7 problems in the options:\n"
            "  run.ini:1: 'steps' is neither a section nor key = value\n"
            "  run.ini:3: 'rate' is neither a section nor key = value\n"
            "  run.ini:5: '[run' is not a section; write [name]\n"
            "  run.ini:7: '[data] shuffle = on' is not a section; write [name]\n"
            "  run.ini:8: '[]' is not a section; write [name]\n"
            "  run.ini:4: train.steps = '0' is out of bounds: at least 1\n"
            "  run.ini:10: run.system = 'vae' is out of bounds: gan | bigan | bigbigan");
}

TEST_F(OptionTableTest, LinesMayEndAsOnWindows) {
  table_.parse_ini("\r\n[train]\r\nsteps = 7\r\n\t[run] # title\r\nname = two words\r\n",
                   "run.ini");
  EXPECT_EQ(fields_.steps, 7);
  EXPECT_EQ(fields_.name, "two words");
}

TEST_F(OptionTableTest, AnIncludedFileIsReadFirstAndTheIncludingOneAndTheCommandLineWin) {
  config("[train]\nsteps = 7\nrate = 0.25\nmomentum = 0.25\n[run]\nname = base\n", "base.ini");
  const std::string path =
      config("include = base.ini  # what is common\n[train]\nsteps = 8\nrate = 0.5\n");
  table_.parse({"--train.rate=0.75", "--config", path});
  EXPECT_EQ(fields_.momentum, 0.25);
  EXPECT_EQ(fields_.name, "base");
  EXPECT_EQ(fields_.steps, 8);
  EXPECT_EQ(fields_.rate, 0.75);
  EXPECT_EQ(fields_.system, System::kBigbigan);
  EXPECT_EQ(table_.config_path(), path);
}

TEST_F(OptionTableTest, TheEffectiveConfigurationWithIncludesIsFlat) {
  config("[train]\nsteps = 7\n", "base.ini");
  table_.parse({"--config", config("include = base.ini\n[run]\nname = mine\n")});
  EXPECT_THAT(table_.ini_text(), Not(HasSubstr("include")));
  Fields copy;
  OptionTable table;
  copy.declare(table);
  table.parse_ini(table_.ini_text(), "config.ini");
  EXPECT_EQ(table.values(), table_.values());
  EXPECT_EQ(copy.steps, 7);
  EXPECT_EQ(copy.name, "mine");
}

TEST_F(OptionTableTest, AnIncludeIsRelativeToItsOwnFile) {
  config("[train]\nsteps = 7\n", "base.ini");
  config("include = ../../base.ini\n[train]\nrate = 0.25\n", "models/large/large.ini");
  config("[run]\nname = absolute\n", "elsewhere/name.ini");
  table_.parse({"--config", config("include = large/large.ini\ninclude = " +
                                       (folder_ / "elsewhere/name.ini") + "\n",
                                   "models/run.ini")});
  EXPECT_EQ(fields_.steps, 7);
  EXPECT_EQ(fields_.rate, 0.25);
  EXPECT_EQ(fields_.name, "absolute");
}

TEST_F(OptionTableTest, OfSeveralIncludesTheLaterWins) {
  config("[train]\nsteps = 1\nrate = 1\nmomentum = 0.1\n[run]\nname = a\n", "a.ini");
  config("[train]\nsteps = 2\nrate = 2\nmomentum = 0.2\n", "b.ini");
  config("[train]\nsteps = 3\nrate = 3\n", "c.ini");
  table_.parse(
      {"--config", config("include = a.ini , b.ini\n\ninclude=c.ini\n[train]\nrate = 4\n")});
  EXPECT_EQ(fields_.name, "a");
  EXPECT_EQ(fields_.momentum, 0.2);
  EXPECT_EQ(fields_.steps, 3);
  EXPECT_EQ(fields_.rate, 4);
}

// Two branches may share a base; that is not a circle.
TEST_F(OptionTableTest, AFileMayBeIncludedOnTwoWays) {
  config("[train]\nsteps = 7\n", "base.ini");
  config("include = base.ini\n[train]\nrate = 0.25\n", "a.ini");
  config("include = base.ini\n[run]\nname = b\n", "b.ini");
  table_.parse({"--config", config("include = a.ini, b.ini\n")});
  EXPECT_EQ(fields_.steps, 7);
  EXPECT_EQ(fields_.rate, 0.25);
  EXPECT_EQ(fields_.name, "b");
}

TEST_F(OptionTableTest, ProblemsNameTheFileInWhichTheyStand) {
  const std::string base = config("[train]\nsteps = 0\nrat = 1\nrate\n", "base.ini");
  // Its bad value is an error though this one wins.
  const std::string path =
      config("include = base.ini\n[train]\nsteps = 5\nmomentum = 2\nmomentum = 0\n");
  EXPECT_EQ(refusal({"--config", path}),
            "5 problems in the options:\n"
            "  " +
                base + ":4: 'rate' is neither a section nor key = value\n  " + base +
                ":2: train.steps = '0' is out of bounds: at least 1\n  " + base +
                ":3: unknown key 'train.rat'; did you mean 'train.rate'?\n  " + path +
                ":4: train.momentum = '2' is out of bounds: 0 to 0.999\n  " + path +
                ":5: key 'train.momentum' is given twice, first in line 4");
}

TEST_F(OptionTableTest, IncludesThatGoRoundAreRefusedWithTheirChain) {
  const std::string path = config("include = sub/a.ini\n");
  const std::string a = config("include = b.ini\n", "sub/a.ini");
  const std::string b = config("include = ../run.ini\n[train]\nsteps = 7\n", "sub/b.ini");
  EXPECT_EQ(refusal({"--config", path}), b + ":1: include goes round: " + path + " -> " + a +
                                             " -> " + b + " -> " + folder_.path() +
                                             "/sub/../run.ini");
  const std::string self = config("include = self.ini\n", "self.ini");
  EXPECT_EQ(refusal({"--config", self}), self + ":1: include goes round: " + self + " -> " + self);
  // The same file by another name.
  std::filesystem::create_symlink("loop.ini", folder_ / "link.ini");
  EXPECT_THAT(refusal({"--config", config("include = link.ini\n", "loop.ini")}),
              HasSubstr(":1: include goes round: "));
}

TEST_F(OptionTableTest, AnIncludeThatCannotBeReadIsRefusedWithItsChain) {
  const std::string path = config("include = a.ini\n[train]\nsteps = 0\n");
  const std::string a = config("include = absent.ini\n", "a.ini");
  EXPECT_EQ(refusal({"--config", path}),
            "2 problems in the options:\n  " + a +
                ":1: include cannot be read: No such file or directory: " + path + " -> " + a +
                " -> " + (folder_ / "absent.ini") + "\n  " + path +
                ":3: train.steps = '0' is out of bounds: at least 1");
  EXPECT_THAT(refusal({"--config", config("include = .\n")}), HasSubstr("include cannot be read"));
}

TEST_F(OptionTableTest, AChainOfMoreThanSixteenFilesIsRefused) {
  for (int i = 1; i <= 16; ++i) {
    config("include = " + std::to_string(i + 1) + ".ini\n", std::to_string(i) + ".ini");
  }
  config("[train]\nsteps = 7\n", "17.ini");
  EXPECT_THAT(
      refusal({"--config", folder_ / "1.ini"}),
      AllOf(StartsWith((folder_ / "16.ini") + ":1: include makes a chain of more than 16 files: " +
                       (folder_ / "1.ini") + " -> " + (folder_ / "2.ini") + " -> "),
            HasSubstr(" -> " + (folder_ / "17.ini"))));
  table_.parse({"--config", folder_ / "2.ini"});
  EXPECT_EQ(fields_.steps, 7);
}

TEST_F(OptionTableTest, AnIncludeInTheWrongPlaceOrWithoutANameIsRefused) {
  EXPECT_EQ(refusal({"--config", config("[train]\ninclude = base.ini\n")}),
            (folder_ / "run.ini") + ":2: include must stand before the first section");
  for (const char* line : {"include =\n", "include = ,\n", "include = run.ini,\n"}) {
    EXPECT_THAT(refusal({"--config", config(line)}), HasSubstr("lacks the name of a file")) << line;
  }
  EXPECT_EQ(refusal_of_ini("include = base.ini\n"), "run.ini:1: include works in files only");
}

TEST_F(OptionTableTest, AConfigFileThatCannotBeReadIsRefusedBesideOtherProblems) {
  EXPECT_THAT(refusal({"--config", folder_ / "absent.ini", "--train.steps", "0"}),
              AllOf(HasSubstr("config file '" + (folder_ / "absent.ini") + "' cannot be read"),
                    HasSubstr("No such file"), HasSubstr("train.steps")));
  EXPECT_THAT(refusal({"--config", folder_.path()}), HasSubstr("cannot be read"));
  EXPECT_THAT(refusal({"--config"}), HasSubstr("--config lacks its value"));
}

TEST_F(OptionTableTest, TheEffectiveConfigurationIsGroupedBySection) {
  table_.parse({"--train.steps=7"});
  EXPECT_EQ(table_.ini_text(),
            "[train]\nsteps = 7\nrate = 5e-05\nmomentum = 0.5\n"
            "\n[data]\nshuffle = true\nshards = \n"
            "\n[run]\nname = a run\nsystem = bigbigan\n");
}

TEST_F(OptionTableTest, TheEffectiveConfigurationReadsBackToTheSameBits) {
  fields_.name = "run  7 = \"best\" [a] of 2 ; yes";
  fields_.shards = "/data/with blank/x";
  fields_.shuffle = false;
  fields_.system = System::kGan;
  using Limits = std::numeric_limits<double>;
  for (const double rate : {5e-05, 0.1, 1.0 / 3, 1e22, 123456789.125, Limits::min(), Limits::max(),
                            Limits::denorm_min(), 1 + Limits::epsilon(), 3.0}) {
    fields_.rate = rate;
    fields_.momentum = -0.0;
    fields_.steps = std::numeric_limits<int64_t>::max();
    Fields copy;
    OptionTable table;
    copy.declare(table);
    table.parse_ini(table_.ini_text(), "config.ini");
    EXPECT_EQ(std::bit_cast<uint64_t>(copy.rate), std::bit_cast<uint64_t>(rate)) << rate;
    EXPECT_TRUE(std::signbit(copy.momentum));
    EXPECT_EQ(copy.steps, fields_.steps);
    EXPECT_EQ(copy.name, fields_.name);
    EXPECT_EQ(copy.shards, fields_.shards);
    EXPECT_EQ(copy.shuffle, fields_.shuffle);
    EXPECT_EQ(copy.system, fields_.system);
    EXPECT_EQ(table.values(), table_.values());
  }
}

TEST_F(OptionTableTest, ANumberSignInsideAValueBelongsToIt) {
  table_.parse_ini(
      "#[run]\n[run] # a section\nname = exp#1\t# a comment # of two\n"
      "\t# a comment\n[data]\nshards = a#b#c\n",
      "run.ini");
  EXPECT_EQ(fields_.name, "exp#1");
  EXPECT_EQ(fields_.shards, "a#b#c");
  table_.parse({"--run.name=exp#2", "--data.shards", "#1 # 2"});
  EXPECT_EQ(fields_.name, "exp#2");
  EXPECT_EQ(fields_.shards, "#1 # 2");
  // A number does not swallow what was meant as a comment.
  EXPECT_EQ(refusal_of_ini("[train]\nsteps = 7# few\n"),
            "run.ini:2: train.steps = '7# few' is not of type integer");
}

TEST_F(OptionTableTest, QuotesAroundAWholeValueAreTakenOff) {
  const auto name_of = [&](const std::string& written) {
    table_.parse_ini("[run]\nname = " + written + "\n", "run.ini");
    return fields_.name;
  };
  EXPECT_EQ(name_of("\"two words\""), "two words");
  EXPECT_EQ(name_of("'two words'\t# \"a\" comment"), "two words");
  EXPECT_EQ(name_of("\"run # 1\" # a comment"), "run # 1");
  EXPECT_EQ(name_of("' outer blanks '"), " outer blanks ");
  EXPECT_EQ(name_of("''"), "");
  EXPECT_EQ(name_of("'it''s'"), "it's");
  EXPECT_EQ(name_of("\"it's\""), "it's");
  EXPECT_EQ(name_of("it's \"best\""), "it's \"best\"");
  EXPECT_EQ(name_of("not a comment='#' # but this"), "not a comment='#'");
  table_.parse_ini("[train]\nsteps = \"7\"\n", "run.ini");
  EXPECT_EQ(fields_.steps, 7);
  for (const char* written : {"\"runs/exp #1", "'it's", "\"a\" and \"b\"", "\"", "\"a\"# b"}) {
    EXPECT_THAT(refusal_of_ini("[run]\nname = " + std::string(written) + "\n"),
                AllOf(StartsWith("run.ini:2: run.name = "), HasSubstr("quote that does not close")))
        << written;
  }
}

TEST_F(OptionTableTest, ValuesOfEveryKindReadBackFromTheEffectiveConfiguration) {
  for (const char* value : {"run #1", "#", " blank before", "blank after\t", "\"", "'", "\"\"",
                            "\"a\"", "'a' #b' \"#c\"", "it's # \"one\"", "a = b", "[a]",
                            "\xEF\xBB\xBF", "", "a # b", "a \"#\" b", "''' #"}) {
    table_.parse({"--run.name", value, "--data.shards", value});
    Fields copy;
    OptionTable table;
    copy.declare(table);
    table.parse_ini(table_.ini_text(), "config.ini");
    EXPECT_EQ(copy.name, value) << table_.ini_text();
    EXPECT_EQ(copy.shards, value) << table_.ini_text();
  }
}

// The run's config.ini would read back to another value.
TEST_F(OptionTableTest, TextThatAnIniFileCannotHoldIsRefused) {
  for (const char* text : {"two\nlines", "two\rlines"}) {
    EXPECT_THAT(refusal({"--run.name", text}), HasSubstr("cannot stand in an INI file")) << text;
  }
}

TEST_F(OptionTableTest, AByteOrderMarkIsPassedOverAndOtherEncodingsAreNamed) {
  table_.parse_ini("\xEF\xBB\xBF[train]\nsteps = 7\n", "run.ini");
  EXPECT_EQ(fields_.steps, 7);
  EXPECT_EQ(refusal({"--config", config(std::string("\xFF\xFE[\0t\0", 6))}),
            (folder_ / "run.ini") +
                ":1: the file is UTF-16 (little-endian), not UTF-8; convert it: iconv -f UTF-16 "
                "-t UTF-8 FILE > NEW");
  EXPECT_THAT(refusal_of_ini(std::string("\xFE\xFF\0[\0t", 6)), HasSubstr("UTF-16 (big-endian)"));
  EXPECT_THAT(refusal_of_ini(std::string("[train]\nsteps = 0\nrate\0 = 0\n", 28)),
              AllOf(StartsWith("run.ini:3: the file has a NUL byte"), HasSubstr("iconv")));
}

class PathOption : public OptionTableTest {
 protected:
  PathOption() {
    table_.add("run.output", &output_, "Folder of the run").path().not_empty();
    ::setenv("BBG_TEST_PLACE", "/place", 1);
    ::setenv("BBG_TEST_NOTHING", "", 1);
    ::setenv("HOME", "/home/me", 1);
  }
  ~PathOption() override {
    if (home_.empty()) {
      ::unsetenv("HOME");
    } else {
      ::setenv("HOME", home_.c_str(), 1);
    }
  }
  std::string home_ = ::getenv("HOME") == nullptr ? "" : ::getenv("HOME");
  std::string output_ = "runs/run";
};

TEST_F(PathOption, MayNameTheHomeFolderAndVariables) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"~", "/home/me"},
      {"~/runs", "/home/me/runs"},
      {"$BBG_TEST_PLACE/runs", "/place/runs"},
      {"${BBG_TEST_PLACE}runs", "/placeruns"},
      {"/data$BBG_TEST_PLACE/$BBG_TEST_PLACE", "/data/place//place"},
      {"a~b/~", "a~b/~"},
      {"a$/5$", "a$/5$"},
      {"a$$BBG_TEST_PLACE", "a$BBG_TEST_PLACE"},
      {"$BBG_TEST_PLACE/exp#1", "/place/exp#1"}};
  for (const auto& [written, expected] : cases) {
    table_.parse({"--run.output", written});
    EXPECT_EQ(output_, expected) << written;
    output_ = "";
    table_.parse_ini("[run]\noutput = " + written + "\n", "run.ini");
    EXPECT_EQ(output_, expected) << written;
  }
  // Only paths: a name keeps what it has.
  table_.parse({"--run.name", "~ $BBG_TEST_PLACE"});
  EXPECT_EQ(fields_.name, "~ $BBG_TEST_PLACE");
}

TEST_F(PathOption, IsRecordedAsItCameOut) {
  table_.parse({"--run.output", "~/$BBG_TEST_PLACE"});
  EXPECT_THAT(table_.ini_text(), HasSubstr("output = /home/me//place\n"));
  ::setenv("BBG_TEST_PLACE", "~$HOME", 1);
  table_.parse({"--run.output", "$BBG_TEST_PLACE"});
  EXPECT_EQ(output_, "~$HOME");
  table_.parse_ini(table_.ini_text(), "config.ini");
  EXPECT_EQ(output_, "./~$HOME");  // the same folder
}

TEST_F(PathOption, ThatNamesWhatThereIsNotIsRefused) {
  EXPECT_EQ(refusal({"--run.output", "$BBG_TEST_ABSENT/runs"}),
            "command line: run.output = '$BBG_TEST_ABSENT/runs' needs the environment variable "
            "BBG_TEST_ABSENT, which is not set ($$ stands for a $)");
  EXPECT_THAT(refusal({"--run.output", "runs/$BBG_TEST_NOTHING"}),
              HasSubstr("variable BBG_TEST_NOTHING, which is not set"));
  EXPECT_THAT(refusal({"--run.output", "~somebody/runs"}),
              HasSubstr("'~somebody/runs' names the home folder of another user; write its path"));
  for (const char* text : {"${BBG_TEST_PLACE/runs", "${}", "${1}", "${"}) {
    EXPECT_THAT(refusal({"--run.output", text}), HasSubstr("has a ${ without NAME}")) << text;
  }
  ::unsetenv("HOME");
  EXPECT_THAT(refusal({"--run.output", "~/runs"}), HasSubstr("the environment has no HOME"));
  EXPECT_EQ(output_, "runs/run");
}

TEST_F(PathOption, ThatMustNotBeEmptyIsRefusedWhereItIs) {
  EXPECT_EQ(refusal_of_ini("[run]\noutput =\n"), "run.ini:2: run.output = '' must not be empty");
  EXPECT_THAT(refusal({"--run.output="}), HasSubstr("must not be empty"));
  EXPECT_THAT(refusal({"--run.output", "  "}), HasSubstr("must not be empty"));
  EXPECT_EQ(output_, "runs/run");
}

TEST_F(PathOption, OfAConfigAndOfAnIncludeIsExpanded) {
  ::setenv("BBG_TEST_PLACE", folder_.path().c_str(), 1);
  config("[train]\nsteps = 7\n", "base #1, the first.ini");
  config("include = \"$BBG_TEST_PLACE/base #1, the first.ini\" # quoted\n");
  table_.parse({"--config=$BBG_TEST_PLACE/run.ini"});
  EXPECT_EQ(fields_.steps, 7);
  EXPECT_EQ(table_.config_path(), folder_ / "run.ini");
  config("[train]\nrate = 0.25\n", "a.ini");
  config("[train]\nsteps = 8\n", "b.ini");
  table_.parse({"--config", config("include = \"a.ini\", 'b.ini'\n")});
  EXPECT_EQ(fields_.steps, 8);
  EXPECT_EQ(fields_.rate, 0.25);
  EXPECT_EQ(refusal({"--config", config("\ninclude = $BBG_TEST_ABSENT/a.ini\n")}),
            (folder_ / "run.ini") +
                ":2: include = '$BBG_TEST_ABSENT/a.ini' needs the environment variable "
                "BBG_TEST_ABSENT, which is not set ($$ stands for a $)");
  EXPECT_THAT(refusal({"--config", "~somebody/run.ini"}),
              HasSubstr("--config '~somebody/run.ini'"));
}

TEST_F(OptionTableTest, ValuesHasEveryKeyWithItsEffectiveText) {
  table_.parse({"--train.steps=7", "--data.shuffle=off"});
  const std::map<std::string, std::string> expected = {
      {"train.steps", "7"},      {"train.rate", "5e-05"}, {"train.momentum", "0.5"},
      {"data.shuffle", "false"}, {"data.shards", ""},     {"run.name", "a run"},
      {"run.system", "bigbigan"}};
  EXPECT_EQ(table_.values(), expected);
}

TEST_F(OptionTableTest, HelpHasEveryKeyWithItsDefaultUnitHelpAndBounds) {
  table_.parse({"--train.steps=7"});
  const std::string help = table_.help_text();
  for (const auto& [key, value] : table_.values()) EXPECT_THAT(help, HasSubstr("  --" + key + " "));
  EXPECT_THAT(help, HasSubstr("\n[train]\n  --train.steps 100 steps "));  // not the parsed 7
  EXPECT_THAT(help, HasSubstr(" Updates of the generator (at least 1)\n"));
  EXPECT_THAT(help, HasSubstr(" Learning rate (above 0)\n"));
  EXPECT_THAT(help, HasSubstr("  --data.shards \"\" "));
  EXPECT_THAT(help, HasSubstr(" Shuffle each epoch\n"));
  EXPECT_THAT(help, HasSubstr(" (gan | bigan | bigbigan)\n"));
}

TEST_F(OptionTableTest, TheMarkdownPageHasARowOfFiveCellsForEveryKey) {
  const std::string page = table_.markdown_text();
  for (const auto& [key, value] : table_.values())
    EXPECT_THAT(page, HasSubstr("| `" + key + "` |"));
  EXPECT_THAT(page, HasSubstr("\n## train\n"));
  EXPECT_THAT(
      page,
      HasSubstr("\n| `train.steps` | `100` | steps | at least 1 | Updates of the generator |\n"));
  EXPECT_THAT(page, HasSubstr("\n| `train.rate` | `5e-05` |  | above 0 | Learning rate |\n"));
  EXPECT_THAT(page, HasSubstr("\n| `data.shards` |  |  | text | Folder of the data set |\n"));
  // A bar inside a cell is escaped.
  EXPECT_THAT(page, HasSubstr("| gan \\| bigan \\| bigbigan |"));
  EXPECT_THAT(page, HasSubstr("| true \\| false |"));
}

TEST(OptionDeclaration, AKeyWithoutSectionOrDeclaredTwiceIsABug) {
  OptionTable table;
  int64_t field = 0;
  table.add("train.steps", &field, "");
  EXPECT_THROW(table.add("train.steps", &field, ""), InternalError);
  EXPECT_THROW(table.add("steps", &field, ""), InternalError);
}

TEST_F(OptionTableTest, AWordSetsTheValueOfAnEnumerationThatItStandsFor) {
  table_.parse({"--run.system", "bigan"});
  EXPECT_EQ(fields_.system, System::kBigan);
  EXPECT_EQ(table_.values().at("run.system"), "bigan");
  for (const char* text : {"", "Gan", "gan ", "0", "gan | bigan"}) {
    EXPECT_EQ(refusal({"--run.system", text}), "command line: run.system = '" + std::string(text) +
                                                   "' is out of bounds: gan | bigan | bigbigan");
    EXPECT_EQ(fields_.system, System::kBigan) << text;
  }
}

TEST(OptionDeclaration, AnEnumerationWithAWordOrAValueTwiceOrADefaultWithoutAWordIsABug) {
  System field = System::kGan;
  const auto declare = [&](std::initializer_list<Word<System>> words) {
    OptionTable().add("run.system", &field, words, "");
  };
  EXPECT_THROW(declare({{"gan", System::kGan}, {"gan", System::kBigan}}), InternalError);
  EXPECT_THROW(declare({{"gan", System::kGan}, {"none", System::kGan}}), InternalError);
  EXPECT_THROW(declare({{"bigan", System::kBigan}}), InternalError);
  declare({{"gan", System::kGan}});
}

TEST(OptionDeclaration, ATextOrANumberMayBeOneOfAList) {
  OptionTable table;
  std::string text = "a b";
  int64_t number = 3;
  table.add("a.text", &text, "").one_of({"none", "a b"});
  table.add("a.number", &number, "").one_of({"1", "3"});
  table.parse({"--a.text", "none", "--a.number=1"});
  EXPECT_EQ(text, "none");
  EXPECT_EQ(number, 1);
  EXPECT_THROW(table.parse({"--a.text", "a"}), UsageError);
  EXPECT_THROW(table.parse({"--a.number", "2"}), UsageError);
}

TEST(Words, NameEachValueAndAreFoundByTheirText) {
  constexpr Word<System> kWords[] = {{"gan", System::kGan}, {"bigan", System::kBigan}};
  EXPECT_EQ(word_of(kWords, System::kBigan), "bigan");
  EXPECT_EQ(value_of(kWords, "gan"), System::kGan);
  EXPECT_EQ(value_of(kWords, "vae"), std::nullopt);
  EXPECT_THROW(word_of(kWords, System::kBigbigan), InternalError);
}

TEST(OptionDeclaration, BoundsReadAsWords) {
  OptionTable table;
  double field = 0;
  EXPECT_EQ(table.add("a.a", &field, "").bounds_text(), "");
  EXPECT_EQ(table.add("a.b", &field, "").at_most(0.5).bounds_text(), "at most 0.5");
  EXPECT_EQ(table.add("a.c", &field, "").above(0).at_most(1).bounds_text(), "above 0 to 1");
}

// Examples of Levenshtein's and Damerau's distances.
}  // namespace
}  // namespace bbg::core
