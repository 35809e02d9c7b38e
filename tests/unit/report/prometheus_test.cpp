#include "report/prometheus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <regex>
#include <set>
#include <sstream>

#include "tests/support/temporary_folder.h"

namespace bbg::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Sample {
  std::string name;
  std::map<std::string, std::string> labels;
  double value;
};

// A reader of the text format, as strict as its description: each line is a comment with HELP or
// TYPE, or a sample; families stand together, with at most one HELP and TYPE before their samples.
class TextFormat {
 public:
  explicit TextFormat(const std::string& text) {
    if (!text.empty() && text.back() != '\n') problem("the last line does not end");
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) read(line);
  }
  std::vector<Sample> samples;
  std::vector<std::string> problems;
  std::map<std::string, std::string> help;

 private:
  void problem(const std::string& what) { problems.push_back(what); }

  void read(const std::string& line) {
    static const std::regex kComment("# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)");
    std::smatch parts;
    if (std::regex_match(line, parts, kComment)) {
      enter(parts[2]);
      if (has_samples_.count(parts[2])) problem("comment behind samples: " + line);
      if (!comments_.insert(parts[1].str() + parts[2].str()).second) problem("twice: " + line);
      if (parts[1] == "HELP") help[parts[2]] = parts[3];
      if (parts[1] == "TYPE" && parts[3] != "gauge" && parts[3] != "counter") {
        problem("unknown type: " + line);
      }
      return;
    }
    sample(line);
  }

  void enter(const std::string& family) {
    if (family == current_) return;
    if (!closed_.insert(family).second) problem("family in two places: " + family);
    current_ = family;
  }

  void sample(const std::string& line) {
    const size_t brace = line.find('{');
    if (brace == std::string::npos) return problem("no labels: " + line);
    Sample sample{line.substr(0, brace), {}, NAN};
    if (!std::regex_match(sample.name, std::regex("[a-zA-Z_:][a-zA-Z0-9_:]*"))) {
      problem("name: " + line);
    }
    enter(sample.name);
    has_samples_.insert(sample.name);
    size_t at = brace + 1;
    while (at < line.size() && line[at] != '}') {
      if (line[at] == ',') ++at;
      const size_t equals = line.find("=\"", at);
      if (equals == std::string::npos) return problem("label: " + line);
      const std::string key = line.substr(at, equals - at);
      std::string value;
      for (at = equals + 2; at < line.size() && line[at] != '"'; ++at) {
        if (line[at] != '\\') {
          value += line[at];
          continue;
        }
        const char next = line[++at];
        if (next != 'n' && next != '\\' && next != '"') problem("escape: " + line);
        value += next == 'n' ? '\n' : next;
      }
      ++at;
      if (!std::regex_match(key, std::regex("[a-zA-Z_][a-zA-Z0-9_]*"))) problem("key: " + line);
      if (!sample.labels.emplace(key, value).second) problem("label twice: " + line);
    }
    const std::string number = line.substr(std::min(line.size(), at + 1));
    char* end = nullptr;
    sample.value = std::strtod(number.c_str(), &end);
    if (number.size() < 2 || number[0] != ' ' || *end != '\0') problem("value: " + line);
    if (!identities_.insert(line.substr(0, at + 1)).second) problem("sample twice: " + line);
    samples.push_back(sample);
  }

  std::string current_;
  std::set<std::string> closed_, comments_, has_samples_, identities_;
};

std::optional<double> value_of(const TextFormat& text, const std::string& name,
                               const std::string& weight = "") {
  for (const Sample& sample : text.samples) {
    if (sample.name != name) continue;
    const auto found = sample.labels.find("weight");
    if (weight.empty() || (found != sample.labels.end() && found->second == weight)) {
      return sample.value;
    }
  }
  return std::nullopt;
}

TEST(PrometheusText, ReadsBackAsTheFormatsDescriptionSays) {
  const TextFormat text(prometheus_text({{"step", 7},
                                         {"loss_d", 0.1},
                                         {"eval.linear_probe", 1e-300},
                                         {"evaluation.fid.samples", -2.5},
                                         {"sigma.G.linear.weight", 1.5},
                                         {"sigma.D.\"a\"\\b", 2.5},
                                         {"sigma_max_G", 3},
                                         {"a b\nc", 4}},
                                        {"demo \"1\"\\\n", "runs/a"}));
  EXPECT_THAT(text.problems, ElementsAre());
  EXPECT_EQ(value_of(text, "bbg_step"), 7);
  EXPECT_EQ(value_of(text, "bbg_loss_d"), 0.1);
  EXPECT_EQ(value_of(text, "bbg_eval_linear_probe"), 1e-300);
  EXPECT_EQ(value_of(text, "bbg_evaluation_fid_samples"), -2.5);
  EXPECT_EQ(value_of(text, "bbg_sigma", "G.linear.weight"), 1.5);
  EXPECT_EQ(value_of(text, "bbg_sigma", "D.\"a\"\\b"), 2.5);
  EXPECT_EQ(value_of(text, "bbg_a_b_c"), 4);
  for (const Sample& sample : text.samples) {
    EXPECT_EQ(sample.labels.at("run"), "demo \"1\"\\\n");
    EXPECT_EQ(sample.labels.at("folder"), "runs/a");
    EXPECT_NE(text.help.at(sample.name), "");
  }
}

TEST(PrometheusText, KnowsNumbersThatAreNotFinite) {
  const TextFormat text(prometheus_text({{"a", NAN}, {"b", INFINITY}, {"c", -INFINITY}}, {}));
  EXPECT_THAT(text.problems, ElementsAre());
  EXPECT_TRUE(std::isnan(*value_of(text, "bbg_a")));
  EXPECT_EQ(value_of(text, "bbg_b"), INFINITY);
  EXPECT_EQ(value_of(text, "bbg_c"), -INFINITY);
}

// A collector refuses files that give one family two texts.
TEST(PrometheusText, RunsHaveTheSameHelp) {
  const TextFormat one(prometheus_text({{"sigma.a", 1}, {"loss_d", 1}}, {"a", "a"}));
  const TextFormat two(prometheus_text({{"sigma.b", 2}, {"loss_d", 3}}, {"b", "b"}));
  EXPECT_EQ(one.help, two.help);
}

TEST(PrometheusSink, TheFileHasTheLastValuesOfAllThatWasTold) {
  const test::TemporaryFolder folder;
  const auto files = core::make_posix_file_system();
  const std::string path = folder / "metrics.prom";
  const auto sink = make_prometheus_sink(*files, path, {"demo", "runs/demo"});
  sink->interval({.step = 10,
                  .total_steps = 20,
                  .images = 640,
                  .images_per_second = 100,
                  .data_seconds = 0.5,
                  .values = {{"loss_d", 1}, {"rollbacks", 1}}});
  sink->interval({.step = 20, .total_steps = 20, .images = 1280, .values = {{"loss_d", 0.25}}});
  sink->more(20, {{"eval.linear_probe", 0.5}});
  sink->evaluation(20, {{"linear_probe.trained", 0.75}});
  sink->close();
  const TextFormat text(test::read_file(path));
  EXPECT_THAT(text.problems, ElementsAre());
  EXPECT_EQ(value_of(text, "bbg_step"), 20);
  EXPECT_EQ(value_of(text, "bbg_images"), 1280);
  EXPECT_EQ(value_of(text, "bbg_loss_d"), 0.25);
  EXPECT_EQ(value_of(text, "bbg_rollbacks"), 1);
  EXPECT_EQ(value_of(text, "bbg_eval_linear_probe"), 0.5);
  EXPECT_EQ(value_of(text, "bbg_evaluation_linear_probe_trained"), 0.75);
  EXPECT_THAT(files->list(folder.path()), ElementsAre("metrics.prom"));
}

TEST(PrometheusReader, FindsWhatIsWrong) {
  for (const char* wrong :
       {"a{x=\"1\"} 1", "a{x=\"1\"} one\n", "1a{x=\"1\"} 1\n", "a{x=\"\\q\"} 1\n",
        "a{x=\"1\"} 1\na{x=\"1\"} 2\n", "# TYPE a shape\n", "a{x=\"\"} 1\nb{} 1\na{x=\"2\"} 1\n",
        "a{x=\"1\"} 1\n# TYPE a gauge\n"}) {
    EXPECT_NE(TextFormat(wrong).problems.size(), 0u) << wrong;
  }
}

}  // namespace
}  // namespace bbg::report
