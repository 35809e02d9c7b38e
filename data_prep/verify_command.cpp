#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/standard_output.h"
#include "data/shard_set.h"
#include "data/verify.h"
#include "data_prep/commands.h"
#include "data_prep/conversion/rank_of_job.h"
#include "data_prep/progress_line.h"

namespace bbg::data_prep {

namespace {

using Json = nlohmann::ordered_json;

struct VerifyOptions {
  std::string path;
  int64_t threads = 0;
  bool decodes = false, json = false;
};

void print_json(const data::ShardSet& set, const data::Verdict& verdict) {
  const Json json = {{"ok", verdict.problems.empty()},
                     {"samples", set.size()},
                     {"bad_samples", verdict.bad_samples},
                     {"problems", verdict.problems},
                     {"fingerprint", set.fingerprint()},
                     {"bytes", set.file_bytes()},
                     {"files", set.files()}};
  core::print(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

void run_verify(const VerifyOptions& options) {
  const data::ShardSet set = data::ShardSet::open(options.path);
  data::Verdict verdict;
  {
    ProgressLine progress("samples");
    verdict = data::verify(options.path,
                           {.threads = options.threads > 0 ? options.threads : threads_of({}),
                            .decodes = options.decodes},
                           [&](int64_t done, int64_t total) { progress.update(done, total); });
  }
  if (options.json) print_json(set, verdict);
  if (verdict.problems.empty()) {
    if (options.json) return;
    std::printf("%s: ok, %lld samples in %zu shard(s), %.1f MiB, fingerprint %s\n",
                options.path.c_str(), static_cast<long long>(set.size()), set.files().size(),
                static_cast<double>(set.file_bytes()) / (1 << 20), set.fingerprint().c_str());
    return;
  }
  for (size_t i = 1; i < verdict.problems.size(); ++i) {
    std::fprintf(stderr, "data_prep: %s\n", verdict.problems[i].c_str());
  }
  const std::string more = verdict.problems.size() > 1
                               ? " (" + std::to_string(verdict.problems.size()) + " problems)"
                               : "";
  throw core::UsageError(verdict.problems.front() + more,
                         "copy the files again or make the data set anew with data_prep shard");
}

}  // namespace

command::Command verify_command() {
  const auto options = std::make_shared<VerifyOptions>();  // shared with what runs
  command::Command command{
      .name = "verify",
      .summary = "reads every byte of a data set and checks it",
      .details =
          "Reads every byte of a data set and compares it with its digests. Says all that is "
          "wrong, and where, with exit code 2."};
  command.options.add_argument("DIR", &options->path, "folder of a data set").file();
  command.options.add("--threads", "N", &options->threads, "threads that read")
      .between(1, 4096)
      .default_is("the cores that it is bound to");
  command.options.add_flag("--decode", &options->decodes, "decode every image, too");
  command.options.add_flag("--json", &options->json, "report as JSON");
  command.run = [options] { run_verify(*options); };
  return command;
}

}  // namespace bbg::data_prep
