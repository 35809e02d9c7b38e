#include "report/html.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "core/error.h"
#include "report/image_grid.h"
#include "report/png.h"
#include "report/run_record.h"
#include "tests/support/temporary_folder.h"

namespace bbg::report {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kConfig =
    "[run]\nname = Demo <1>\nsteps = 2000\n\n"
    "[model]\nsystem = bigbigan\nresolution = 32\nchannels = 1\n\n"
    "[data]\nbatch = 64\n";

constexpr const char* kMetrics =
    R"({"step":1000,"images":64000,"seconds":50.0,"images_per_second":1280.0,"loss_d":1.5,"loss_ge":-0.5,"loss_d_x":0.25,"grad":7.0,"grad_norm_d":2.5,"grad_norm_g":0.5}
{"step":2000,"images":128000,"seconds":119.6,"images_per_second":1240.0,"loss_d":null,"loss_ge":-0.75,"loss_d_x":0.5,"grad":8.0,"grad_norm_d":2.5,"grad_norm_g":0.5}
)";

constexpr const char* kEvaluation = R"({
  "linear_probe": {"trained": 0.8125, "untrained": 0.5, "pixels": 0.25},
  "nearest_neighbour": {"trained": 0.75, "untrained": 0.6, "pixels": 0.7},
  "reconstruction": {"error": 0.05, "error_random": 0.2, "ratio": 0.25},
  "frechet_pixels": {"samples": 2.5, "training": 0.5},
  "protocol": {"train_samples": 5000, "features": "E <frozen>"}
})";

// As src/measure describes them.
const Measures& measures() {
  static const std::vector<Row> kFeatures = {
      {"trained", "trained", "on the trained network's features"},
      {"untrained", "untrained", "on those of the untrained network"},
      {"pixels", "pixels", "on raw pixels"}};
  static const Measures kMeasures = {
      .cards = {{"linear_probe", "Linear probe", "trained", Unit::kShare, kFeatures, "Accuracy"},
                {"nearest_neighbour", "Nearest neighbour", "trained", Unit::kShare, kFeatures,
                 "Accuracy"},
                {"reconstruction",
                 "Reconstruction ratio",
                 "ratio",
                 Unit::kRatio,
                 {{"error", "its own", ""}, {"error_random", "another", ""}},
                 "Distances."},
                {"frechet_pixels",
                 "Samples' distance",
                 "samples",
                 Unit::kDistance,
                 {{"samples", "samples", ""}, {"training", "training", ""}},
                 "Distances."}},
      .curves = {{"eval.frechet_pixels", "Samples' distance", true},
                 {"eval.linear_probe", "Accuracy on features"},
                 {"eval.nearest_neighbour", "Accuracy on features"},
                 {"eval.reconstruction_error", "Reconstruction error", true},
                 {"eval.reconstruction_error_random", "Reconstruction error", true},
                 {"eval.reconstruction_ratio", "Reconstruction ratio"}}};
  return kMeasures;
}

std::vector<std::string> matches(const std::string& text, const std::string& pattern) {
  std::vector<std::string> found;
  const std::regex regex(pattern);
  for (std::sregex_iterator at(text.begin(), text.end(), regex), end; at != end; ++at) {
    found.push_back((*at)[1]);
  }
  return found;
}

std::string decode_base64(const std::string& text) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  EXPECT_EQ(text.size() % 4, 0u);
  for (const char c : text) {
    const size_t digit = digits.find(c);
    if (digit == std::string::npos) {
      EXPECT_EQ(c, '=');
      continue;
    }
    bits = bits << 6 | static_cast<uint32_t>(digit);
    count += 6;
    if (count >= 8) bytes += static_cast<char>(bits >> (count -= 8));
  }
  return bytes;
}

// Data in scripts included.
std::string without_scripts(std::string page) {
  for (;;) {
    const size_t begin = page.find("<script"), end = page.find("</script>");
    if (begin == std::string::npos || end == std::string::npos) return page;
    page.erase(begin, end + 9 - begin);
  }
}

std::string chart_data_of(const std::string& page) {
  const std::string head = "<script type=\"application/json\" id=\"charts\">";
  const size_t begin = page.find(head);
  if (begin == std::string::npos) return "";
  return page.substr(begin + head.size(), page.find("</script>", begin) - begin - head.size());
}

class HtmlReportTest : public testing::Test {
 protected:
  void put(const std::string& name, const std::string& content) {
    test::write_file(run_ + "/" + name, content);
  }
  // Gives the file's content; each grid is another one.
  std::string put_grid(const std::string& stem, int64_t step) {
    core::Image image{.height = 5, .width = 4, .channels = 1, .pixels = {}};
    for (int64_t i = 0; i < 20; ++i) image.pixels.push_back(static_cast<uint8_t>(step + 3 * i));
    files_->create_folders(run_ + "/grids");
    const std::string path = run_ + "/grids/" + stem + "-" + std::to_string(step) + ".png";
    write_png(*files_, path, make_grid({image, image}, 2, 1));
    return test::read_file(path);
  }
  std::string page() {
    write_html_report(*files_, run_, measures());
    return test::read_file(run_ + "/report.html");
  }
  static std::vector<std::string> pictures(const std::string& page) {
    std::vector<std::string> files;
    for (const auto& text :
         matches(without_scripts(page), "src=\"data:image/png;base64,([^\"]*)\"")) {
      files.push_back(decode_base64(text));
    }
    return files;
  }

  test::TemporaryFolder folder_;
  std::string run_ = folder_ / "run";
  std::unique_ptr<core::FileSystem> files_ = core::make_posix_file_system();
};

class WholeHtmlReportTest : public HtmlReportTest {
 protected:
  WholeHtmlReportTest() {
    put("config.ini", kConfig);
    put("metrics.jsonl", kMetrics);
    put("evaluation.json", kEvaluation);
    early_ = put_grid("samples", 1000);
    late_ = put_grid("samples", 2000);
    pairs_ = put_grid("reconstructions", 2000);
  }
  std::string early_, late_, pairs_;
};

TEST_F(WholeHtmlReportTest, NamesTheRunAndWhatItIs) {
  const std::string text = page();
  EXPECT_THAT(text, HasSubstr("<title>Demo &lt;1&gt;</title>"));
  EXPECT_THAT(text, HasSubstr("<h1>Demo &lt;1&gt;</h1>"));
  EXPECT_THAT(text, HasSubstr("bigbigan · 32 × 32 grey pixels · batch 64 · 2,000 steps"));
}

TEST_F(WholeHtmlReportTest, HasTheNumbersOfTheEvaluation) {
  const std::string text = page();
  const auto cards = matches(text, "<section class=\"card\"><h3>([^<]*)<");
  EXPECT_THAT(cards, ElementsAre("Linear probe", "Nearest neighbour", "Reconstruction ratio",
                                 "Samples' distance", "Training time"));
  EXPECT_THAT(text, HasSubstr("<div class=\"big\">81.2\u202f%</div>"));  // 81.25 rounds to even
  EXPECT_THAT(text, HasSubstr("<i class=\"own\" style=\"width:81.2%\">"));
  EXPECT_THAT(text, HasSubstr("<span>untrained</span><span><i style=\"width:50.0%\"></i></span>"
                              "<span>50.0\u202f%</span>"));
  EXPECT_THAT(text, HasSubstr("<div class=\"big\">0.25</div>"));
  EXPECT_THAT(text, HasSubstr("<span>its own</span><span><i class=\"own\" style=\"width:25.0%\">"
                              "</i></span><span>0.05</span>"));
  EXPECT_THAT(text, HasSubstr("<span>training</span><span><i style=\"width:20.0%\"></i></span>"
                              "<span>0.5</span>"));
  EXPECT_THAT(text, HasSubstr("<dt>train samples</dt><dd>5000</dd>"));
  EXPECT_THAT(text, HasSubstr("<dt>features</dt><dd>E &lt;frozen&gt;</dd>"));
}

TEST_F(WholeHtmlReportTest, SaysWhatAnAccuracyWasMeasuredOn) {
  EXPECT_THAT(page(), HasSubstr("<p>Accuracy on the trained network's features, on those of the "
                                "untrained network, and on raw pixels.</p>"));
  put("evaluation.json", R"({"linear_probe": {"trained": 0.5, "pixels": 0.25}})");
  EXPECT_THAT(page(), HasSubstr("<p>Accuracy on the trained network's features and on raw pixels."
                                "</p>"));
  put("evaluation.json", R"({"linear_probe": {"trained": 0.5}})");
  EXPECT_THAT(page(), HasSubstr("<p>Accuracy on the trained network's features.</p>"));
}

TEST_F(WholeHtmlReportTest, HasTimeImagesAndSpeedOfTheTraining) {
  const std::string text = page();
  EXPECT_THAT(text, HasSubstr("<div class=\"big\">2 min 0 s</div>"));  // 119.6 s
  EXPECT_THAT(text, HasSubstr("2,000 steps, 128,000 images seen."));
  EXPECT_THAT(text, HasSubstr("Median speed: 1,280 images a second."));
}

// Every process counts from 0: 50 s, then 30 s of another one.
TEST_F(WholeHtmlReportTest, AddsTheTimesOfAllProcessesOfARun) {
  put("metrics.jsonl",
      "{\"step\":1,\"seconds\":20}\n{\"step\":2,\"seconds\":50}\n{\"step\":3,\"seconds\":30}\n");
  EXPECT_THAT(page(), HasSubstr("<div class=\"big\">1 min 20 s</div>"));
  put("metrics.jsonl", "{\"step\":1,\"seconds\":7500}\n");
  EXPECT_THAT(page(), HasSubstr("<div class=\"big\">2 h 5 min</div>"));
  put("metrics.jsonl", "{\"step\":1,\"seconds\":59.7}\n");
  EXPECT_THAT(page(), HasSubstr("<div class=\"big\">1 min 0 s</div>"));
  put("metrics.jsonl", "{\"step\":1,\"seconds\":12.2}\n{\"step\":2,\"seconds\":null}\n");
  EXPECT_THAT(page(), HasSubstr("<div class=\"big\">12 s</div>"));
}

TEST_F(WholeHtmlReportTest, CarriesTheGridsInside) {
  const std::string text = page();
  EXPECT_THAT(pictures(text), ElementsAre(early_, late_, pairs_));
  EXPECT_THAT(text, HasSubstr("Images that the generator makes from random codes, the same"));
  EXPECT_THAT(matches(text, "<figcaption>(step [0-9,]*)<"),
              ElementsAre("step 1,000", "step 2,000", "step 2,000"));
}

TEST_F(WholeHtmlReportTest, CarriesSixtyGridsOverTimeAtMostWithTheFirstAndTheLast) {
  for (int64_t step = 1; step < 100; ++step) put_grid("samples", step);
  const std::string text = page();
  const auto captions = matches(text, "<figcaption>(step [0-9,]*)<");
  ASSERT_EQ(captions.size(), 61u);  // and one of reconstructions
  EXPECT_EQ(captions.front(), "step 1");
  EXPECT_EQ(captions[59], "step 2,000");
  EXPECT_THAT(text, HasSubstr("max=\"59\" value=\"59\""));
  EXPECT_THAT(text, HasSubstr("60 of 101 grids, evenly spaced"));
  // Those that paper shows.
  EXPECT_EQ(matches(text, "<figure class=\"(picture key)\"").size(), 11u);
}

TEST_F(WholeHtmlReportTest, HasAChartForTotalsTermsAndEveryOtherValue) {
  EXPECT_THAT(matches(page(), "<figcaption><b>([^<]*)</b>"),
              ElementsAre("Losses", "Terms of the discriminator's loss", "grad",
                          "Norm of the gradient", "Images per second"));
}

TEST_F(WholeHtmlReportTest, HasChartsOfWhatIsMeasuredSeldomToo) {
  // Only after more lines than a report has at its start.
  std::string lines;
  for (int step = 1; step <= 1500; ++step) {
    lines += "{\"step\": " + std::to_string(step) + ", \"loss_d\": 1";
    if (step % 1400 == 0) {
      lines +=
          ", \"eval.linear_probe\": 0.5, \"eval.nearest_neighbour\": 0.4, "
          "\"eval.reconstruction_error\": 2, \"eval.reconstruction_error_random\": 4, "
          "\"eval.reconstruction_ratio\": 0.5, \"eval.frechet_pixels\": 3";
    }
    lines += "}\n";
  }
  put("metrics.jsonl", lines);
  EXPECT_THAT(matches(page(), "<figcaption><b>([^<]*)</b>"),
              ::testing::IsSupersetOf({"Losses", "Accuracy on features", "Reconstruction error",
                                       "Reconstruction ratio", "Samples' distance"}));
}

TEST_F(WholeHtmlReportTest, CarriesTheCurvesAsDataInTheOrderOfTheirFigures) {
  const auto data = nlohmann::json::parse(chart_data_of(page()));
  ASSERT_EQ(data.size(), 5u);
  EXPECT_EQ(data[0]["labels"], nlohmann::json({"step", "loss_d", "loss_ge"}));
  EXPECT_EQ(data[0]["rows"], nlohmann::json::parse(R"([[1000, 1.5, -0.5], [2000, "NaN", -0.75]])"));
  EXPECT_EQ(data[4]["labels"], nlohmann::json({"step", "images_per_second"}));
  EXPECT_EQ(data[4]["range"][0], 0);
}

TEST_F(WholeHtmlReportTest, AValueThatOneLineLacksIsNoGap) {
  put("metrics.jsonl", "{\"step\":1,\"loss_d\":1,\"loss_ge\":2}\n{\"step\":2,\"loss_d\":3}\n");
  const auto data = nlohmann::json::parse(chart_data_of(page()));
  EXPECT_EQ(data[0]["rows"], nlohmann::json::parse("[[1, 1, 2], [2, 3, null]]"));
}

TEST_F(WholeHtmlReportTest, ANameThatIsMarkupStaysText) {
  const std::string name = "</script><script>alert(1)</script>";
  put("metrics.jsonl", nlohmann::json{{"step", 1}, {name, 2}}.dump() + "\n");
  put("config.ini", "[run]\nname = <img src=x>\"&\n");
  put("evaluation.json",
      nlohmann::json{{"<b>g</b>", {{"<i>", 1}}}, {"protocol", {{"<b>g</b>", "<u>"}}}}.dump());
  const std::string text = page();
  for (const char* markup : {"alert(1)</script>", "<img src=x>", "<b>g", "<i>", "<u>"}) {
    EXPECT_THAT(text, Not(HasSubstr(markup)));
  }
  const auto data = nlohmann::json::parse(chart_data_of(text));
  EXPECT_EQ(data[0]["labels"][1], name);
}

TEST_F(WholeHtmlReportTest, HasATableOfTheMeasuresWithTheirProtocols) {
  put("evaluation.json", R"({"linear_probe": {"trained": 0.8125, "pixels": null}, "step": 1500,
                             "protocol": {"linear_probe": "on <all>", "networks": "averaged"}})");
  const std::string text = page();
  EXPECT_THAT(text, HasSubstr("<p>After step 1,500.</p>"));
  EXPECT_THAT(text, HasSubstr("<tr><td rowspan=\"2\">Linear probe</td><td>trained</td><td "
                              "class=\"number\">0.8125</td><td class=\"words\" rowspan=\"2\">"
                              "on &lt;all&gt;</td></tr>"));
  EXPECT_THAT(text, HasSubstr("<tr><td>pixels</td><td class=\"number\">–</td></tr>"));
  EXPECT_THAT(text, HasSubstr("<dl><dt>networks</dt><dd>averaged</dd></dl>"));
}

TEST_F(WholeHtmlReportTest, HasATableOfTheSystem) {
  put("metrics.jsonl",
      "{\"step\":1,\"seconds\":10,\"images_per_second\":1200,\"data_seconds\":1}\n"
      "{\"step\":2,\"seconds\":20,\"images_per_second\":1000,\"data_seconds\":4}\n"
      "{\"step\":3,\"seconds\":40,\"images_per_second\":500,\"data_seconds\":5}\n");
  const std::string text = page();
  EXPECT_THAT(text, HasSubstr("<tr><td>Images per second</td><td class=\"number\">500</td><td "
                              "class=\"number\">1,000</td><td class=\"number\">500</td><td "
                              "class=\"number\">1,200</td></tr>"));
  EXPECT_THAT(text, HasSubstr("Of the time, 25.0\u202f% went by while the slowest rank waited"));
}

TEST_F(WholeHtmlReportTest, CarriesTheLicenceOfTheLibraryThatItCarries) {
  const std::string text = page();
  EXPECT_THAT(text, AllOf(HasSubstr("Dygraph"), HasSubstr("Permission is hereby granted, free")));
}

TEST_F(WholeHtmlReportTest, HasTheConfiguration) {
  EXPECT_THAT(page(), HasSubstr("<pre>[run]\nname = Demo &lt;1&gt;\nsteps = 2000\n"));
}

TEST_F(WholeHtmlReportTest, TellsWhichOptionsWereChangedOnTheWay) {
  EXPECT_THAT(page(), Not(HasSubstr("Options changed")));
  put("metrics.jsonl", std::string(kMetrics) +
                           R"({"step":2000,"changed":{"train.lr-g":{"before":"","after":"<2>"}}})" +
                           "\n");
  EXPECT_THAT(page(), HasSubstr("<dt>after step 2,000</dt><dd><div>train.lr-g: (empty) → "
                                "&lt;2&gt;</div></dd>"));
  EXPECT_EQ(read_run(*files_, run_).intervals.size(), 2u);
}

TEST_F(WholeHtmlReportTest, LoadsNothing) {
  const std::string text = without_scripts(page());
  for (const char* foreign :
       {"http://", "https://", "@import", "url(", "javascript:", "<iframe", "srcset"}) {
    const std::string before_licence = text.substr(0, text.find("<footer>"));
    EXPECT_THAT(before_licence, Not(HasSubstr(foreign)));
  }
  EXPECT_FALSE(std::regex_search(text, std::regex("<[^>]* on[a-z]+=")));
  for (const auto& address : matches(text, "(?:src|href)=\"([^\"]*)\"")) {
    EXPECT_EQ(address.substr(0, 5), "data:") << address;
  }
  EXPECT_THAT(text, HasSubstr("content=\"default-src 'none'; img-src data:;"));
}

TEST_F(WholeHtmlReportTest, ElementsThatOpenAlsoClose) {
  const std::string text = without_scripts(page());
  for (const char* element :
       {"html",    "head",    "body", "main",  "section", "div",   "figure", "figcaption", "svg",
        "details", "summary", "dl",   "dt",    "dd",      "pre",   "p",      "h1",         "h2",
        "h3",      "span",    "i",    "small", "style",   "title", "b",      "footer",     "table",
        "thead",   "tbody",   "tr",   "th",    "td",      "label", "output", "button"}) {
    const std::string name = element;
    EXPECT_EQ(matches(text, "<(" + name + ")[ >]").size(),
              matches(text, "</(" + name + ")>").size())
        << name;
  }
}

TEST_F(WholeHtmlReportTest, ARunInTheMiddleSaysSo) {
  put("metrics.jsonl", "{\"step\":1000,\"seconds\":3}\n{\"step\":1500,\"sec");
  EXPECT_THAT(page(), HasSubstr("batch 64 · step 1,000 of 2000"));
}

TEST_F(WholeHtmlReportTest, ReplacesTheOldPageAndLeavesNothingBeside) {
  page();
  put("config.ini", "[run]\nname = Second\n");
  const std::string text = page();
  EXPECT_THAT(text, AllOf(HasSubstr("<h1>Second</h1>"), Not(HasSubstr("Demo"))));
  EXPECT_THAT(files_->list(run_), ElementsAre("config.ini", "evaluation.json", "grids",
                                              "metrics.jsonl", "report.html"));
}

TEST_F(HtmlReportTest, WhatIsMissingIsLeftOut) {
  files_->create_folders(run_);
  const std::string text = page();
  EXPECT_THAT(text, HasSubstr("<h1>run</h1>"));
  for (const char* part : {"class=\"card\"", "<img", "<h2>", "<svg", "<details", "Configuration"}) {
    EXPECT_THAT(text, Not(HasSubstr(part)));
  }
}

TEST_F(HtmlReportTest, APartOfTheEvaluationIsShownAlone) {
  put("evaluation.json", R"({"linear_probe": {"untrained": 0.5}, "reconstruction": {"ratio": 0.5},
                             "nearest_neighbour": {"trained": null}})");
  EXPECT_THAT(matches(page(), "<section class=\"card\"><h3>([^<]*)<"),
              ElementsAre("Linear probe", "Reconstruction ratio"));
}

TEST_F(HtmlReportTest, OneGridIsNotAStripOverTime) {
  const std::string grid = put_grid("samples", 500);
  const std::string text = page();
  EXPECT_THAT(pictures(text), ElementsAre(grid));
  EXPECT_THAT(text, Not(HasSubstr("type=\"range\"")));
}

TEST_F(HtmlReportTest, ABrokenEvaluationIsRefusedAndTheOldPageStays) {
  put("report.html", "old");
  put("evaluation.json", "{\"linear_probe\": ");
  try {
    write_html_report(*files_, run_, measures());
    FAIL() << "did not throw";
  } catch (const core::UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr(run_ + "/evaluation.json"));
    EXPECT_THAT(error.hint(), HasSubstr("remove it"));
  }
  EXPECT_EQ(test::read_file(run_ + "/report.html"), "old");
}

TEST_F(HtmlReportTest, AFolderThatIsNotThereIsAnErrorThatNamesIt) {
  try {
    write_html_report(*files_, run_, measures());
    FAIL() << "did not throw";
  } catch (const core::SystemError& error) {
    EXPECT_THAT(error.what(), HasSubstr(run_ + "/report.html"));
  }
}

}  // namespace
}  // namespace bbg::report
