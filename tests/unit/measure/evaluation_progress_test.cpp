#include "measure/evaluation_progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <stdexcept>
#include <vector>

namespace bbg::measure {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Heard {
  std::ostringstream out;
  std::vector<std::string> lines;
  double now = 0;

  EvaluationProgress::Voice voice(bool is_terminal, int64_t columns = 120) {
    return {.target = {.out = out, .is_terminal = is_terminal, .columns = [=] { return columns; }},
            .log = [this](const std::string& text) { lines.push_back(text); },
            .seconds = [this] { return now; }};
  }
};

TEST(EvaluationProgress, LogHasALineEveryHalfMinuteAndNoneOfAShortEvaluation) {
  Heard heard;
  EvaluationProgress progress({}, heard.voice(false));
  const auto run = [&](int batches, double seconds) {
    for (int i = 0; i < batches; ++i) {
      heard.now += seconds;
      progress.batch_done();
    }
  };
  progress.begin("features", 29);
  run(29, 1);
  progress.end();
  EXPECT_TRUE(heard.lines.empty());
  progress.begin("features", 100);
  run(50, 1);
  progress.begin("linear probe", 400);
  run(25, 1);
  EXPECT_THAT(heard.lines,
              ElementsAre("evaluation, features: 30 of 100, 1:10 left of this part",
                          "evaluation, linear probe: 10 of 400, 6:30 left of this part"));
  EXPECT_EQ(heard.out.str(), "");
}

TEST(EvaluationProgress, TerminalHasOneLineThatNeverWrapsAndGoesAtTheEnd) {
  Heard heard;
  {
    EvaluationProgress progress({}, heard.voice(true, 30));
    progress.begin("features", 10);
    heard.now = 1;
    progress.batch_done();
    EXPECT_EQ(heard.out.str(), "\revaluation, features: 1 of 10\x1b[K");
    progress.batch_done();  // too soon to draw again
  }
  EXPECT_EQ(heard.out.str(), "\revaluation, features: 1 of 10\x1b[K\r\x1b[K");
  EXPECT_TRUE(heard.lines.empty());
}

TEST(EvaluationProgress, AskerIsCalledAfterEachPassAndMayEndTheEvaluation) {
  int calls = 0;
  EvaluationProgress progress(
      [&] {
        if (++calls == 3) throw std::runtime_error("stop");
      },
      std::nullopt);
  progress.begin("features", 10);
  progress.batch_done();
  progress.batch_done();
  EXPECT_THROW(progress.batch_done(), std::runtime_error);
}

TEST(EvaluationProgress, NumberOfPassesMayBecomeKnownLater) {
  Heard heard;
  EvaluationProgress progress({}, heard.voice(false));
  progress.begin("nearest neighbours", 1);
  heard.now = 40;
  progress.batch_done(4);
  EXPECT_THAT(heard.lines,
              ElementsAre("evaluation, nearest neighbours: 1 of 4, 2:00 left of this part"));
}

TEST(EvaluationProgress, LineSearchThatTakesMorePassesThanForeseenIsNotPastItsEnd) {
  Heard heard;
  EvaluationProgress progress({}, heard.voice(false));
  progress.begin("linear probe", 1);
  heard.now = 40;
  progress.batch_done();
  heard.now = 80;
  progress.batch_done();
  EXPECT_THAT(heard.lines[1], HasSubstr("2 of 2, 0:00 left"));
}

}  // namespace
}  // namespace bbg::measure
