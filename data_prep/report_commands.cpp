#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/standard_output.h"
#include "core/text.h"
#include "data/shard_format.h"
#include "data/shard_set.h"
#include "data_prep/commands.h"
#include "data_prep/progress_line.h"

namespace bbg::data_prep {

namespace {

struct ReportOptions {
  std::string path;
  bool json = false;
};

constexpr size_t kShownClasses = 40;  // on a terminal; --json has all

void print_json(const nlohmann::ordered_json& json) {
  core::print(json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

double mebibytes(int64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

// Samples of each class; the last number counts those without a label.
std::vector<int64_t> class_histogram(const data::ShardSet& shards) {
  std::vector<int64_t> counts(static_cast<size_t>(shards.num_classes()) + 1);
  for (int64_t i = 0; i < shards.size(); ++i) {
    const int64_t label = shards.label(i);
    ++counts[label < 0 ? counts.size() - 1 : static_cast<size_t>(label)];
  }
  return counts;
}

void print_info(const data::ShardSet& shards, const std::string& path,
                const std::vector<int64_t>& counts) {
  std::printf("%s\n", path.c_str());
  std::printf("  samples      %lld of %lldx%lldx%lld (height, width, channels), uint8\n",
              static_cast<long long>(shards.size()), static_cast<long long>(shards.height()),
              static_cast<long long>(shards.width()), static_cast<long long>(shards.channels()));
  std::printf("  shards       %zu, %.1f MiB, format version %lld\n", shards.files().size(),
              mebibytes(shards.file_bytes()), static_cast<long long>(data::kFormatVersion));
  std::printf("  fingerprint  %s\n", shards.fingerprint().c_str());
  std::printf("  made from    %s\n", core::printable(shards.source_text()).c_str());
  std::printf("  classes      %lld\n", static_cast<long long>(shards.num_classes()));
  const int64_t largest = std::max<int64_t>(1, *std::max_element(counts.begin(), counts.end()));
  const auto row = [&](const std::string& name, int64_t count) {
    const auto length = static_cast<size_t>(count * 40 / largest);
    std::printf("    %-24s %8lld  %s\n", name.c_str(), static_cast<long long>(count),
                std::string(length, '#').c_str());
  };
  const auto& names = shards.class_names();
  for (size_t i = 0; i < std::min(names.size(), kShownClasses); ++i)
    row(core::printable(names[i]), counts[i]);
  if (names.size() > kShownClasses) {
    std::printf("    ... and %zu more; --json lists them\n", names.size() - kShownClasses);
  }
  if (counts.back() > 0) row("(no label)", counts.back());
}

void run_verify(const ReportOptions& options) {
  const data::ShardSet shards = data::ShardSet::open(options.path);
  {
    ProgressLine progress("samples");
    shards.verify([&](int64_t done, int64_t total) { progress.update(done, total); });
  }
  if (options.json) {
    print_json({{"ok", true},
                {"samples", shards.size()},
                {"fingerprint", shards.fingerprint()},
                {"bytes", shards.file_bytes()},
                {"files", shards.files()}});
    return;
  }
  std::printf("%s: ok, %lld samples in %zu shard(s), %.1f MiB, fingerprint %s\n",
              options.path.c_str(), static_cast<long long>(shards.size()), shards.files().size(),
              mebibytes(shards.file_bytes()), shards.fingerprint().c_str());
}

void run_info(const ReportOptions& options) {
  const data::ShardSet shards = data::ShardSet::open(options.path);
  const std::vector<int64_t> counts = class_histogram(shards);
  if (!options.json) {
    print_info(shards, options.path, counts);
    return;
  }
  nlohmann::ordered_json classes = nlohmann::ordered_json::array();
  for (size_t i = 0; i < shards.class_names().size(); ++i) {
    classes.push_back({{"name", shards.class_names()[i]}, {"samples", counts[i]}});
  }
  print_json({{"samples", shards.size()},
              {"height", shards.height()},
              {"width", shards.width()},
              {"channels", shards.channels()},
              {"format_version", data::kFormatVersion},
              {"fingerprint", shards.fingerprint()},
              {"source", shards.source_text()},
              {"bytes", shards.file_bytes()},
              {"files", shards.files()},
              {"unlabelled", counts.back()},
              {"classes", classes}});
}

// A command that reports on a data set.
command::Command report_command(const std::string& name, const std::string& summary,
                                const std::string& details, void (*run)(const ReportOptions&)) {
  const auto options = std::make_shared<ReportOptions>();  // shared with what runs
  command::Command command{.name = name, .summary = summary, .details = details};
  command.options.add_argument("DIR", &options->path, "folder of shards, or a single shard").file();
  command.options.add_flag("--json", &options->json, "report as JSON");
  command.run = [options, run] { run(*options); };
  return command;
}

}  // namespace

command::Command verify_command() {
  return report_command("verify", "reads every byte of a data set and checks it",
                        "Reads every byte of a data set and checks it against its checksums. Exit "
                        "code 2 and the place where something is wrong.",
                        &run_verify);
}

command::Command info_command() {
  return report_command("info", "says what a data set holds",
                        "Says what a data set holds: size, number of images of each class, origin.",
                        &run_info);
}

}  // namespace bbg::data_prep
