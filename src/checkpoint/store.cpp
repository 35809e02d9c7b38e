#include "checkpoint/store.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/paths.h"

namespace bbg::checkpoint {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kBestFile = "best.json";
constexpr std::string_view kPrefix = "step-", kBestPrefix = "best-";

// The step of a folder with a final name; none for anything else.
std::optional<int64_t> step_of(const std::string& name) { return core::number_of(name, kPrefix); }

// Makes the folders that are missing and their names durable.
void create_durable_folders(core::FileSystem& files, const std::string& path) {
  std::vector<std::string> made;
  for (std::string at = path; !files.exists(at) && at != core::folder_of(at);
       at = core::folder_of(at)) {
    made.push_back(at);
  }
  files.create_folders(path);
  for (const std::string& folder : made) files.sync_folder(core::folder_of(folder));
}

}  // namespace

Store::Store(core::FileSystem& files, std::string folder, int64_t keep, Check check)
    : files_(files), folder_(std::move(folder)), keep_(keep), check_(std::move(check)) {
  BBG_CHECK(keep_ >= 1, "a store that keeps nothing");
  while (folder_.size() > 1 && folder_.back() == '/') folder_.pop_back();
}

std::string Store::path_of(int64_t step) const {
  return folder_ + "/" + core::numbered(kPrefix, step);
}

std::string Store::best_path_of(int64_t step) const {
  return folder_ + "/" + core::numbered(kBestPrefix, step);
}

std::vector<int64_t> Store::steps() {
  std::vector<int64_t> steps;
  for (const std::string& name : files_.list(folder_)) {
    if (const auto step = step_of(name)) steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

void Store::remove_leftovers() {
  for (const std::string& name : files_.list(folder_)) {
    const bool is_ours = name.rfind(kPrefix, 0) == 0 || name.rfind(kBestPrefix, 0) == 0;
    if (is_ours && core::is_partial(name)) {
      files_.remove_all(folder_ + "/" + name);
    }
  }
}

void Store::save(const core::StateDict& state, int64_t step) {
  const std::string path = path_of(step), aside = core::partial_path(path);
  create_durable_folders(files_, folder_);
  remove_leftovers();
  files_.create_folders(aside);
  const std::string manifest = write_checkpoint(files_, aside, state, step);

  if (files_.exists(path)) {
    std::string problem;
    if (read_checkpoint(files_, path, step, check_, &problem)) {
      const bool is_equal = files_.read(path + "/" + kManifestFile) == manifest;
      files_.remove_all(aside);
      if (is_equal) return;
      throw core::UsageError(path + " is a complete checkpoint of another state of this step",
                             "choose another run.output, or remove that folder");
    }
    files_.rename(path, core::partial_path(path + ".broken"));
  }
  core::publish(files_, path);
  remove_old(step);
}

// Checkpoints beyond the one just saved are broken (else the run had gone on from them) and do not
// count; the run will replace them when it gets there.
void Store::remove_old(int64_t newest) {
  std::vector<int64_t> candidates;
  for (const int64_t step : steps()) {
    if (step <= newest) candidates.push_back(step);
  }
  const auto best = this->best();
  while (static_cast<int64_t>(candidates.size()) > keep_) {
    const bool is_best =
        best && best->step == candidates.front() && !files_.exists(best_path_of(best->step));
    if (!is_best) hide(candidates.front());
    candidates.erase(candidates.begin());
  }
  remove_leftovers();
}

void Store::hide(int64_t step) { files_.rename(path_of(step), core::partial_path(path_of(step))); }

void Store::keep_best(const Best& best) {
  const auto drop = [&](const std::string& path) { files_.rename(path, core::partial_path(path)); };
  // A folder of the same step that was given up would be taken for this one.
  if (files_.exists(best_path_of(best.step))) drop(best_path_of(best.step));
  const Json content = {{"step", best.step}, {"measure", best.measure}, {"value", best.value}};
  core::write_atomically(files_, folder_ + "/" + kBestFile, content.dump(2) + "\n");
  for (const std::string& name : files_.list(folder_)) {
    if (core::number_of(name, kBestPrefix)) drop(folder_ + "/" + name);
  }
  remove_old(steps().back());
}

std::optional<Store::Best> Store::best() {
  const std::string path = folder_ + "/" + kBestFile;
  if (!files_.exists(path)) return std::nullopt;
  const Json content = Json::parse(files_.read(path), nullptr, false);
  const auto has = [&](const char* key, bool (Json::*is)() const noexcept) {
    return content.is_object() && content.contains(key) && (content[key].*is)();
  };
  if (!has("step", &Json::is_number_integer) || !has("measure", &Json::is_string) ||
      !has("value", &Json::is_number)) {
    return std::nullopt;
  }
  const Best best{content["step"].get<int64_t>(), content["measure"].get<std::string>(),
                  content["value"].get<double>()};
  const bool is_there = files_.exists(best_path_of(best.step)) || files_.exists(path_of(best.step));
  return is_there ? std::optional(best) : std::nullopt;
}

Store::Loaded Store::load_best() {
  const auto best = this->best();
  if (!best) {
    throw core::UsageError("there is no best checkpoint in " + folder_,
                           "train with checkpoint.keep-best and eval.every, or name a checkpoint's "
                           "folder");
  }
  const bool is_given_up = files_.exists(best_path_of(best->step));
  return load_folder(files_, is_given_up ? best_path_of(best->step) : path_of(best->step));
}

Store::Loaded Store::load_folder(core::FileSystem& files, std::string folder) {
  while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
  const std::string name = std::filesystem::path(folder).filename().string();
  const auto step = step_of(name) ? step_of(name) : core::number_of(name, kBestPrefix);
  if (!step || !files.exists(folder)) {
    throw core::UsageError(folder + (step ? " does not exist" : " is not a checkpoint's folder"),
                           "a checkpoint is a folder checkpoints/step-NNNNNNNN of a run");
  }
  std::string problem;
  auto state = read_checkpoint(files, folder, *step, /*check=*/{}, &problem);
  if (!state) throw core::UsageError(problem, "take another checkpoint of the run");
  return {std::move(*state), *step, folder};
}

std::optional<Store::Loaded> Store::load_newest(std::vector<std::string>* skipped) {
  std::vector<int64_t> newest_first = steps();
  std::reverse(newest_first.begin(), newest_first.end());
  return load_first(newest_first, skipped);
}

Store::Loaded Store::go_back(int64_t before, std::vector<std::string>* skipped) {
  std::vector<int64_t> order = steps();
  std::reverse(order.begin(), std::lower_bound(order.begin(), order.end(), before));
  auto loaded = load_first(order, skipped);
  if (!loaded) {
    throw core::UsageError("there is no checkpoint in " + folder_ + " to go back to",
                           "start again from the beginning, in another run.output");
  }
  std::vector<int64_t> newest_first = steps();
  std::reverse(newest_first.begin(), newest_first.end());
  const auto best = this->best();
  for (const int64_t step : newest_first) {
    if (step <= loaded->step) break;
    if (best && best->step == step && !files_.exists(best_path_of(step))) {
      files_.rename(path_of(step), best_path_of(step));  // the run will come to the step again
    } else {
      hide(step);
    }
  }
  remove_leftovers();
  return std::move(*loaded);
}

std::optional<Store::Loaded> Store::load_first(const std::vector<int64_t>& steps,
                                               std::vector<std::string>* skipped) {
  std::string problems;
  for (const int64_t step : steps) {
    std::string problem;
    if (auto state = read_checkpoint(files_, path_of(step), step, check_, &problem)) {
      return Loaded{std::move(*state), step, path_of(step)};
    }
    if (skipped != nullptr) skipped->push_back(problem);
    problems += "\n  " + problem;
  }
  if (steps.empty()) return std::nullopt;
  throw core::UsageError("no checkpoint in " + folder_ + " is whole:" + problems,
                         "restore one of these folders from a backup, or remove them all to start "
                         "from the beginning");
}

}  // namespace bbg::checkpoint
