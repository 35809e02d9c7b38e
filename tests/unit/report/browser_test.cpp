// Drives report.html in a browser: each test's script acts as a reader would and notes what it
// sees on the body, which the browser then prints.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <regex>

#include "report/html.h"
#include "report/image_grid.h"
#include "report/png.h"
#include "tests/support/temporary_folder.h"

namespace bbg::report {
namespace {

using testing::ElementsAre;

std::string output_of(const std::string& command) {
  std::string text;
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::array<char, 4096> part;
  while (const size_t count = fread(part.data(), 1, part.size(), pipe.get())) {
    text.append(part.data(), count);
  }
  return text;
}

std::string browser() {
  for (const char* name : {"chromium", "chromium-browser", "google-chrome"}) {
    const std::string path = output_of("command -v " + std::string(name));
    if (!path.empty()) return path.substr(0, path.find('\n'));
  }
  return "";
}

constexpr const char* kHelpers = R"js(
const facts = document.body.dataset;
const first = document.querySelector("figure.chart");
const mouse = (target, type, x, y) => target.dispatchEvent(new MouseEvent(type, {
  clientX: x, clientY: y, screenX: x, screenY: y, button: 0, detail: 1, bubbles: true,
  cancelable: true, view: window}));
// At a share of the first plot's width.
const at = (type, share, y = 0.5) => {
  const canvas = first.querySelector(".plot canvas:last-of-type");
  const box = canvas.getBoundingClientRect();
  mouse(canvas, type, box.left + share * box.width, box.top + y * box.height);
};
const values = () => [...first.querySelectorAll(".legend small")].map((v) => v.textContent).join(" ");
// The colours of what is drawn, so that a curve can be seen to come and go.
const inked = (plot) => {
  let count = 0;
  for (const canvas of plot.querySelectorAll("canvas")) {
    const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 3] > 128 && Math.max(data[i], data[i + 1], data[i + 2]) -
          Math.min(data[i], data[i + 1], data[i + 2]) > 90) ++count;
    }
  }
  return count;
};
const ticks = (figure) => [...figure.querySelectorAll(".dygraph-axis-label-x")].map(
  (label) => Number(label.textContent.replace(",", "")));
)js";

class BrowserTest : public testing::Test {
 protected:
  void SetUp() override {
    if (browser().empty()) GTEST_SKIP() << "no Chromium (launch/setup --with-tests installs it)";
    std::string lines;
    for (int step = 10; step <= 1000; step += 10) {
      lines +=
          "{\"step\":" + std::to_string(step) +
          ",\"loss_d\":" + std::to_string(step % 20 == 0 ? 1.0 : 3.0) +
          ",\"loss_ge\":" + std::to_string(step / 100.0) +
          ",\"images_per_second\":1000,\"data_seconds\":0.5,\"seconds\":" + std::to_string(step) +
          "}\n";
    }
    test::write_file(run_ + "/metrics.jsonl", lines);
    files_->create_folders(run_ + "/grids");
    for (const int step : {100, 500, 1000}) {
      core::Image image{.height = 8, .width = 8, .channels = 1, .pixels = {}};
      image.pixels.assign(64, static_cast<uint8_t>(step / 5));
      write_png(*files_, run_ + "/grids/samples-" + std::to_string(step) + ".png", image);
    }
    write_html_report(*files_, run_, {});
  }

  // Opens the page in a window of that size; gives the facts that `script` notes there.
  std::map<std::string, std::string> seen(const std::string& script,
                                          const std::string& options = "--window-size=1280,900") {
    const std::string copy = folder_ / "driven.html";
    std::string page = test::read_file(run_ + "/report.html");
    const std::string end = "</body>";
    page.insert(page.rfind(end),
                "<script>addEventListener(\"load\", () => {" + std::string(kHelpers) + "try {" +
                    script + "} catch (error) { facts.error = error.message; }});</script>");
    test::write_file(copy, page);
    const std::string dom = output_of(
        "timeout 120 " + browser() +
        " --headless --no-sandbox --disable-gpu --disable-dev-shm-usage "
        "--host-resolver-rules='MAP * ~NOTFOUND' --user-data-dir=" +
        (folder_ / "profile") + " " + options + " --dump-dom file://" + copy + " 2>/dev/null");
    std::map<std::string, std::string> facts;
    const size_t begin = dom.find("<body");
    const std::string body = dom.substr(begin, dom.find('>', begin) - begin);
    const std::regex pattern("data-([a-z-]+)=\"([^\"]*)\"");
    for (std::sregex_iterator match(body.begin(), body.end(), pattern), last; match != last;
         ++match) {
      facts[(*match)[1]] = (*match)[2];
    }
    EXPECT_EQ(facts.count("error"), 0u) << facts["error"];
    return facts;
  }

  test::TemporaryFolder folder_;
  std::string run_ = folder_ / "run";
  std::unique_ptr<core::FileSystem> files_ = core::make_posix_file_system();
};

TEST_F(BrowserTest, TheSliderShowsTheGridOfItsTime) {
  const auto facts = seen(R"js(
    const slider = document.querySelector(".through-time input");
    const shown = () => [...document.querySelectorAll(".frames figure")]
      .filter((f) => f.getBoundingClientRect().width > 50)
      .map((f) => f.querySelector("img").alt.split("step ")[1]).join("+");
    const move = (value) => { slider.value = value;
      slider.dispatchEvent(new Event("input", {bubbles: true})); };
    facts.before = shown();
    move(0);
    facts.first = shown();
    facts.told = slider.nextElementSibling.textContent;
    move(1);
    facts.middle = shown();
  )js");
  EXPECT_EQ(facts.at("before"), "1,000");
  EXPECT_EQ(facts.at("first"), "100");
  EXPECT_EQ(facts.at("told"), "step 100");
  EXPECT_EQ(facts.at("middle"), "500");
}

TEST_F(BrowserTest, ThePointerReadsTheValuesOfItsStep) {
  const auto facts = seen(R"js(
    facts.before = values();
    at("mousemove", 0.5);
    facts.during = values();
    facts.step = first.querySelector(".at").textContent.replace("step ", "");
    at("mouseout", 0.5);
    facts.after = values();
  )js");
  EXPECT_EQ(facts.at("before"), "1 10");
  EXPECT_EQ(facts.at("after"), "1 10");
  const int step = std::stoi(facts.at("step"));
  EXPECT_GT(step, 350);
  EXPECT_LT(step, 650);
  char expected[64];
  std::snprintf(expected, sizeof expected, "%d %g", step % 20 == 0 ? 1 : 3, step / 100.0);
  EXPECT_EQ(facts.at("during"), expected);
}

TEST_F(BrowserTest, ADragZoomsAllChartsAndAButtonShowsAllSteps) {
  const auto facts = seen(R"js(
    const charts = [...document.querySelectorAll("figure.chart")];
    const spans = () => charts.map((chart) => Math.max(...ticks(chart)) <= 620 &&
                                   Math.min(...ticks(chart)) >= 380).join();
    facts.before = spans();
    at("mousedown", 0.45); at("mousemove", 0.5); at("mousemove", 0.6); at("mouseup", 0.6);
    facts.zoomed = spans();
    document.getElementById("whole").click();
    facts.after = spans();
    at("mousedown", 0.45); at("mousemove", 0.6); at("mouseup", 0.6);
    facts.again = spans();
    at("dblclick", 0.5);
    facts.double = spans();
  )js");
  EXPECT_EQ(facts.at("before"), "false,false,false");
  EXPECT_EQ(facts.at("zoomed"), "true,true,true");
  EXPECT_EQ(facts.at("after"), "false,false,false");
  EXPECT_EQ(facts.at("again"), "true,true,true");
  EXPECT_EQ(facts.at("double"), "false,false,false");
}

TEST_F(BrowserTest, AClickOnANameHidesItsCurve) {
  const auto facts = seen(R"js(
    const plot = first.querySelector(".plot");
    const names = first.querySelectorAll(".legend > span");
    facts.both = inked(plot);
    names[0].click();
    facts.one = inked(plot);
    facts.pressed = names[0].getAttribute("aria-pressed");
    names[1].dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", bubbles: true}));
    facts.none = inked(plot);
    names[0].click(); names[1].click();
    facts.again = inked(plot);
  )js");
  const int both = std::stoi(facts.at("both"));
  EXPECT_GT(std::stoi(facts.at("one")), 0);
  EXPECT_LT(std::stoi(facts.at("one")), both);
  EXPECT_EQ(facts.at("none"), "0");
  EXPECT_EQ(facts.at("pressed"), "false");
  EXPECT_EQ(std::stoi(facts.at("again")), both);
}

// Means over an even number of values that alternate between 1 and 3.
TEST_F(BrowserTest, SmoothingShowsMeansOverReports) {
  const auto facts = seen(R"js(
    const slider = document.getElementById("smoothing");
    slider.value = 10;
    slider.dispatchEvent(new Event("input", {bubbles: true}));
    facts.told = slider.nextElementSibling.textContent;
    at("mousemove", 0.7);
    facts.value = values().split(" ")[0];
  )js");
  EXPECT_EQ(facts.at("told"), "mean of 10");
  EXPECT_EQ(facts.at("value"), "2");
}

constexpr const char* kLayout = R"js(
    const seen = (selector) => [...document.querySelectorAll(selector)].filter(
      (e) => e.getBoundingClientRect().width > 50).length;
    facts.overflow = document.documentElement.scrollWidth > innerWidth;
    facts.charts = seen(".plot");
    facts.svg = seen("svg");
    facts.page = getComputedStyle(document.body).backgroundColor;
)js";

TEST_F(BrowserTest, FitsAPhoneAndAWideScreenInLightAndDark) {
  const auto phone = seen(kLayout, "--window-size=390,844");
  const auto wide = seen(kLayout, "--window-size=2560,1440");
  const auto dark = seen(kLayout, "--blink-settings=preferredColorScheme=0");
  for (const auto& facts : {phone, wide, dark}) {
    EXPECT_EQ(facts.at("overflow"), "false");
    EXPECT_EQ(facts.at("charts"), "3");
    EXPECT_EQ(facts.at("svg"), "0");
  }
  EXPECT_NE(dark.at("page"), wide.at("page"));
}

TEST_F(BrowserTest, WithoutItsScriptThePageShowsTheSameCurvesAndGrids) {
  std::string page = test::read_file(run_ + "/report.html");
  const std::string name = "root.classList.add(\"js\");";
  ASSERT_NE(page.find(name), std::string::npos);
  page.replace(page.find(name), name.size(), "return;");
  test::write_file(run_ + "/report.html", page);
  const auto facts = seen(std::string(kLayout) + R"js(
    facts.frames = seen(".frames figure");
    facts.controls = seen(".controls");
  )js");
  EXPECT_EQ(facts.at("svg"), "3");
  EXPECT_EQ(facts.at("charts"), "0");
  EXPECT_EQ(facts.at("frames"), "3");
  EXPECT_EQ(facts.at("controls"), "0");
}

}  // namespace
}  // namespace bbg::report
