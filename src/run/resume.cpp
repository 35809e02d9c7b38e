#include "run/resume.h"

#include <nlohmann/json.hpp>
#include <tuple>

#include "report/jsonl.h"
#include "run/option_changes.h"
#include "run/run_identity.h"
#include "run/run_on_all_ranks.h"

namespace bbg::run {

namespace {

// Rank 0's `own`, on every rank.
Resumed shared(const Resumed& own, comm::Communicator& control) {
  using Fields = std::tuple<int64_t, int64_t, int64_t, std::string, bool, bool>;
  const Progress& at = own.progress;
  const Fields fields(at.step, at.image_offset, at.bucket_bytes, at.watch, own.is_resumed,
                      own.is_evaluated);
  const std::string first = control.all_gather_text(nlohmann::json(fields).dump())[0];
  Resumed all;
  std::tie(all.progress.step, all.progress.image_offset, all.progress.bucket_bytes,
           all.progress.watch, all.is_resumed, all.is_evaluated) =
      nlohmann::json::parse(first).get<Fields>();
  return all;
}

}  // namespace

Resumed Resumption::resume() const {
  Loaded loaded;
  Resumed own;
  run_on_all_ranks(control, [&] {
    if (!folder.is_owner()) return;
    std::vector<std::string> skipped;
    loaded = folder.checkpoints().load_newest(&skipped);
    own = read(loaded, skipped);
  });
  const Resumed resumed = take(own, loaded, "resumed from ");
  run_on_all_ranks(control, [&] {
    if (folder.is_owner()) record_options(resumed.progress.step, loaded);
  });
  return resumed;
}

Resumed Resumption::go_back(int64_t before) const {
  Loaded loaded;
  Resumed own;
  run_on_all_ranks(control, [&] {
    if (!folder.is_owner()) return;
    std::vector<std::string> skipped;
    loaded = folder.checkpoints().go_back(before, &skipped);
    own = read(loaded, skipped);
  });
  return take(own, loaded, "went back to ");
}

Resumed Resumption::read(const Loaded& loaded, const std::vector<std::string>& skipped) const {
  for (const std::string& text : skipped) log.warn("checkpoint skipped: " + text);
  Resumed own;
  if (loaded) {
    check_identity(identity_of(config, folder.fingerprint()), loaded->state, loaded->path,
                   "choose another run.output for a new run, or give the options in " +
                       folder.path("config.ini"));
    own.progress = Progress::of_entries(loaded->state.text, config);
    own.is_resumed = true;
  }
  own.is_evaluated =
      report::is_evaluated(folder.files(), folder.path("metrics.jsonl"), own.progress.step);
  return own;
}

Resumed Resumption::take(const Resumed& own, const Loaded& loaded, const std::string& verb) const {
  const Resumed resumed = shared(own, control);
  if (resumed.is_resumed) {
    // It fails on all ranks alike, or not at all.
    run_on_all_ranks(control, [&] { state.load(loaded ? &loaded->state : nullptr); });
    if (loaded) log.info(verb + loaded->path);
  }
  run_on_all_ranks(control, [&] {
    if (folder.is_owner()) reports.go_on_from(resumed.progress.step);
  });
  return resumed;
}

void Resumption::record_options(int64_t step, const Loaded& loaded) const {
  std::string written = config.table.ini_text();
  if (loaded) {
    const auto found = loaded->state.text.find("config");
    const std::string before = found == loaded->state.text.end() ? "" : found->second;
    const auto changes = option_changes(before, config.table);
    // Nothing more is trained, so the options of now are not those of the run.
    const bool is_complete = step >= config.run.steps;
    if (is_complete && !before.empty()) written = before;
    if (!changes.empty()) {
      log.info((is_complete ? "the run is complete; for this evaluation alone its options differ: "
                            : "options changed at step " + std::to_string(step) + ": ") +
               changes_text(changes));
      if (!is_complete) reports.changes(step, changes);
    }
  }
  core::write_atomically(folder.files(), folder.path("config.ini"), written);
}

}  // namespace bbg::run
