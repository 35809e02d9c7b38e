#include "report/console.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <regex>
#include <sstream>

namespace bbg::report {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Interval interval_at(int64_t step) {
  Interval interval;
  interval.step = step;
  interval.total_steps = 1000;
  interval.images = 256 * step;
  interval.images_per_second = 640;
  interval.values = {{"loss_d", 1.23456}, {"loss_ge", -0.5}, {"loss_d_x", 3}};
  return interval;
}

// One drawing as a terminal shows it: without the carriage return and the colours.
std::string visible(const std::string& drawn) {
  return std::regex_replace(drawn, std::regex("\r|\x1b\\[[0-9;]*[mK]"), "");
}

// Characters, not bytes: those that continue one in UTF-8 begin with the bits 10.
int64_t width_of(const std::string& text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; });
}

class ConsoleTest : public testing::Test {
 protected:
  std::unique_ptr<Sink> terminal(bool is_unicode = false) {
    return make_console_sink(
        {.out = out_, .is_terminal = true, .is_unicode = is_unicode, .columns = [this] {
           return columns_;
         }});
  }
  std::unique_ptr<Sink> pipe() { return make_console_sink({.out = out_}); }
  // The text written since the last call.
  std::string take() {
    const std::string text = out_.str();
    out_.str("");
    return text;
  }
  std::string drawn(Sink& sink, const Interval& interval) {
    sink.interval(interval);
    return take();
  }

  std::ostringstream out_;
  int64_t columns_ = 120;
};

// 256 images a step: 950 steps at 640 images/s take 380 s.
TEST_F(ConsoleTest, WithoutATerminalEachIntervalIsALineWithAllValues) {
  const auto sink = pipe();
  EXPECT_EQ(drawn(*sink, interval_at(50)),
            "step   50/1000  640 images/s  loss_d 1.2346  loss_ge -0.5000  loss_d_x 3.0000"
            "  ETA 6:20\n");
  EXPECT_EQ(drawn(*sink, interval_at(1000)),
            "step 1000/1000  640 images/s  loss_d 1.2346  loss_ge -0.5000  loss_d_x 3.0000"
            "  ETA 0:00\n");
  sink->close();
  EXPECT_EQ(take(), "");
}

TEST_F(ConsoleTest, ImagesAndEvaluationsPrintNothing) {
  const auto sink = pipe();
  sink->image(1, "samples", core::Image{});
  sink->evaluation(1, {{"ratio", 0.5}});
  EXPECT_EQ(take(), "");
}

TEST_F(ConsoleTest, RemainingTimeHasHoursAndIsUnknownWithoutASpeed) {
  const auto sink = pipe();
  Interval interval = interval_at(0);
  interval.images_per_second = NAN;
  EXPECT_THAT(drawn(*sink, interval), EndsWith("  ETA ?\n"));
  interval = interval_at(100);
  interval.images_per_second = 0;
  EXPECT_THAT(drawn(*sink, interval), EndsWith("  ETA ?\n"));
  // 900 steps of 256 images, 23,040 s: 6 h 24 min.
  interval.images_per_second = 10;
  EXPECT_THAT(drawn(*sink, interval), EndsWith("  ETA 6:24:00\n"));
}

TEST_F(ConsoleTest, RemainingTimeFollowsASmoothedSpeed) {
  const auto sink = pipe();
  drawn(*sink, interval_at(100));
  Interval slow = interval_at(200);
  slow.images_per_second = 40;
  // 0.7 * 640 + 0.3 * 40 = 460 images/s for 800 steps of 256 images: 445 s.
  EXPECT_THAT(drawn(*sink, slow), EndsWith("  ETA 7:25\n"));
}

TEST_F(ConsoleTest, ALossThatIsNotANumberIsShownAsSuch) {
  Interval interval = interval_at(50);
  interval.values = {{"loss_d", NAN}};
  EXPECT_THAT(drawn(*pipe(), interval), HasSubstr("  loss_d nan  "));
}

TEST_F(ConsoleTest, ATerminalsLineIsRedrawnInPlaceUntilClose) {
  const auto sink = terminal();
  for (const int64_t step : {50, 100, 1000}) {
    const std::string text = drawn(*sink, interval_at(step));
    EXPECT_THAT(text, StartsWith("\rstep "));
    EXPECT_THAT(text, EndsWith("\x1b[K"));  // clears what a longer line before has left
    EXPECT_EQ(std::count(text.begin(), text.end(), '\r'), 1);
    EXPECT_THAT(text, Not(HasSubstr("\n")));
  }
  sink->close();
  EXPECT_EQ(take(), "\n");
  sink->close();
  EXPECT_EQ(take(), "");
}

TEST_F(ConsoleTest, ATerminalWithoutAnyIntervalGetsNoNewline) {
  terminal()->close();
  EXPECT_EQ(take(), "");
}

TEST_F(ConsoleTest, ATerminalsLineHasStepBarSpeedMainLossesAndRemainingTime) {
  EXPECT_EQ(visible(drawn(*terminal(), interval_at(250))),
            "step  250/1000  ==========..............................  25%  640 images/s"
            "  loss_d 1.235  loss_ge -0.500  ETA 5:00");
}

TEST_F(ConsoleTest, WithoutMainLossesTheFirstTwoValuesStandIn) {
  Interval interval = interval_at(250);
  interval.values = {{"a", 1}, {"b", 2}, {"c", 3}};
  const std::string text = visible(drawn(*terminal(), interval));
  EXPECT_THAT(text, HasSubstr("  a 1.000  b 2.000  ETA"));
  interval.values = {};
  EXPECT_THAT(visible(drawn(*terminal(), interval)), HasSubstr("images/s  ETA"));
}

TEST_F(ConsoleTest, TheBarIsEmptyAtTheStartAndFullOnlyAtTheEnd) {
  const auto sink = terminal();
  const auto bar = [&](int64_t step) {
    const std::string text = visible(drawn(*sink, interval_at(step)));
    return std::pair(std::count(text.begin(), text.end(), '='),
                     std::count(text.begin(), text.end(), '.') - 2);  // less the two losses' points
  };
  EXPECT_EQ(bar(0), std::pair(0L, 40L));
  EXPECT_EQ(bar(999), std::pair(39L, 1L));
  EXPECT_EQ(bar(1000), std::pair(40L, 0L));
  EXPECT_EQ(bar(1200), std::pair(40L, 0L));
  EXPECT_THAT(visible(drawn(*sink, interval_at(999))), HasSubstr("  99%"));
  EXPECT_THAT(visible(drawn(*sink, interval_at(1000))), HasSubstr(" 100%"));
}

TEST_F(ConsoleTest, OnlyAUnicodeTerminalGetsAnythingButAscii) {
  const auto is_ascii = [](const std::string& text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; });
  };
  EXPECT_TRUE(is_ascii(drawn(*terminal(false), interval_at(250))));
  EXPECT_FALSE(is_ascii(drawn(*terminal(true), interval_at(250))));
}

TEST_F(ConsoleTest, ATerminalsLineIsAlwaysNarrowerThanTheTerminalAndLosesTheLeastWantedFirst) {
  for (const bool is_unicode : {false, true}) {
    const auto sink = terminal(is_unicode);
    bool had_speed = true, had_losses = true, had_eta = true, had_bar = true;
    for (columns_ = 200; columns_ >= 0; --columns_) {
      const std::string text = visible(drawn(*sink, interval_at(500)));
      // In the last column some terminals wrap; one of no or one column is beyond help.
      EXPECT_LE(width_of(text), std::max<int64_t>(1, columns_ - 1)) << columns_;
      const auto has = [&](const std::string& part) {
        return text.find(part) != std::string::npos;
      };
      const bool has_speed = has("images/s"), has_losses = has("loss_d"), has_eta = has("ETA"),
                 has_bar = has("%");
      EXPECT_LE(has_speed, had_speed && has_losses) << columns_;
      EXPECT_LE(has_losses, had_losses && has_eta) << columns_;
      EXPECT_LE(has_eta, had_eta && has_bar) << columns_;
      EXPECT_LE(has_bar, had_bar) << columns_;
      had_speed = has_speed, had_losses = has_losses, had_eta = has_eta, had_bar = has_bar;
      EXPECT_TRUE(columns_ < 80 || (has_bar && has_eta && has_losses)) << columns_;
      EXPECT_TRUE(columns_ < 16 || text.rfind("step  500/1000", 0) == 0) << columns_;
    }
    EXPECT_FALSE(had_bar);
  }
}

TEST_F(ConsoleTest, TheWidthIsAskedForAtEachDrawing) {
  const auto sink = terminal();
  const int64_t wide = width_of(visible(drawn(*sink, interval_at(500))));
  columns_ = 40;
  EXPECT_LT(width_of(visible(drawn(*sink, interval_at(500)))), wide);
}

TEST(StandardErrorConsole, PrintsLinesWhereStandardErrorIsAFile) {
  testing::internal::CaptureStderr();
  make_console_sink()->interval(interval_at(50));
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, StartsWith("step   50/1000  640 images/s"));
  EXPECT_THAT(text, EndsWith("\n"));
  EXPECT_THAT(text, Not(HasSubstr("\r")));
}

}  // namespace
}  // namespace bbg::report
