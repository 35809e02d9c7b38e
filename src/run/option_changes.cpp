#include "run/option_changes.h"

#include "core/error.h"
#include "run/run_config.h"

namespace bbg::run {

std::vector<report::OptionChange> option_changes(const std::string& saved_config,
                                                 const core::OptionTable& table) {
  RunConfig saved;
  try {
    saved.table.parse_ini(saved_config, "the checkpoint's configuration");
  } catch (const core::UsageError&) {
    // It has an option or a value of another version; the others have been read.
  }
  const auto before = saved.table.values();
  std::vector<report::OptionChange> changes;
  for (const auto& [key, after] : table.values()) {
    if (before.at(key) != after) changes.push_back({key, before.at(key), after});
  }
  return changes;
}

std::string changes_text(const std::vector<report::OptionChange>& changes) {
  std::string text;
  const auto shown = [](const std::string& value) { return value.empty() ? "(empty)" : value; };
  for (const report::OptionChange& change : changes) {
    text += (text.empty() ? "" : ", ") + change.key + " " + shown(change.before) + " -> " +
            shown(change.after);
  }
  return text;
}

}  // namespace bbg::run
