#include "data_prep/run_conversion.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "core/error.h"
#include "core/file_system.h"
#include "core/folder_lock.h"
#include "core/text.h"
#include "data_prep/conversion/conversion.h"
#include "data_prep/conversion/job_board.h"
#include "data_prep/progress_line.h"
#include "data_prep/shard_report.h"
#include "data_prep/sources/class_names.h"

namespace bbg::data_prep {

namespace fs = std::filesystem;

namespace {

constexpr const char* kIndexName = ".source-index";

// Where the set of this size goes: the output folder, or of several sizes its folder `S`.
std::string folder_of(const ConversionRequest& request, const Recipe& recipe, int64_t size) {
  if (recipe.sizes.size() == 1) return request.output;
  return (fs::path(request.output) / std::to_string(size)).string();
}

// "12", or "0.1%" of so many.
int64_t images_of(const std::string& text, int64_t images) {
  const bool is_share = text.ends_with("%");
  const std::string digits = text.substr(0, text.size() - (is_share ? 1 : 0));
  double number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool is_number =
      error == std::errc() && end == digits.data() + digits.size() && number >= 0;
  if (!is_number || (is_share && number > 100)) {
    throw core::UsageError("--max-bad = '" + text + "' must be a number, or a share as 0.1%", "");
  }
  return static_cast<int64_t>(is_share ? static_cast<double>(images) * number / 100 : number);
}

// All that a conversion works on, the same in all processes of a job.
struct Task {
  std::unique_ptr<ImageSource> source;
  Recipe recipe;
  std::optional<Plan> plan;
  std::vector<DataSetFolder> folders;
};

Task open_task(const ConversionRequest& request) {
  Task task;
  task.source =
      request.open(request.dry_run ? "" : (fs::path(request.output) / kIndexName).string());
  check_class_names(task.source->class_names());
  task.recipe = request.recipe(*task.source);
  images_of(request.max_bad, task.source->size());  // refused now, if it is wrong
  task.plan.emplace(*task.source, task.recipe, request.plan(*task.source));
  if (request.dry_run) return task;
  for (const int64_t size : task.recipe.sizes) {
    task.folders.emplace_back(folder_of(request, task.recipe, size), *task.plan, task.recipe, size,
                              request.force);
  }
  return task;
}

// Bytes of pixels, where the recipe says how many; of shards that are not there yet.
void check_space(const ConversionRequest& request, const Task& task) {
  if (task.recipe.store != Store::kRaw) return;
  int64_t bytes = 0;
  for (const int64_t size : task.recipe.sizes) {
    bytes += task.plan->images() * size * size * task.recipe.decode.channels;
  }
  for (const DataSetFolder& folder : task.folders) {
    for (int64_t shard = 0; shard < task.plan->shards(); ++shard) {
      std::error_code absent;
      const auto there = fs::file_size(folder.shard_path(shard), absent);
      if (!absent) bytes -= static_cast<int64_t>(there);
    }
  }
  std::error_code unknown;
  const fs::space_info space = fs::space(request.output, unknown);
  if (unknown || bytes <= 0 || space.available >= static_cast<uintmax_t>(bytes)) return;
  throw core::UsageError(request.output + " has room for " +
                             core::with_separators(static_cast<int64_t>(space.available >> 20)) +
                             " MiB, and the data set needs " + core::with_separators(bytes >> 20),
                         "choose another output folder, or make room");
}

void convert(const ConversionRequest& request, const Task& task, const RankOfJob& self,
             JobBoard& board, int64_t& shards_kept) {
  Conversion conversion(*task.source, task.recipe, *task.plan, task.folders, self.rank, self.size);
  ProgressLine progress("images");
  const int64_t threads = request.threads > 0 ? request.threads : threads_of(self);
  try {
    conversion.run(threads, [&] {
      board.update(conversion.images_done());
      if (self.rank == 0) progress.update(board.images(), task.plan->images());
    });
  } catch (const core::SystemError& error) {
    if (error.details().code != ENOSPC && error.details().code != EDQUOT) throw;
    core::SystemError::Details details = error.details();
    details.cause += "; whole shards are kept: make room and start it again";
    throw core::SystemError(details);
  }
  board.update(conversion.images_done());
  shards_kept = conversion.shards_kept();
}

data::Manifest common_manifest(const Task& task, int64_t size) {
  data::Manifest manifest{.fingerprint = {},
                          .classes = {},
                          .shards = {},
                          .source = task.source->description(),
                          .made = task.recipe.words(size),
                          .left_out = task.source->left_out(),
                          .tool = "data_prep " BBG_VERSION};
  for (const std::string& name : task.source->class_names()) manifest.classes.push_back({name, 0});
  return manifest;
}

void check_bad(const ConversionRequest& request, const Task& task,
               const std::vector<BadImage>& bad) {
  const int64_t images = task.plan->images();
  if (std::ssize(bad) == images) {
    throw core::UsageError("none of the " + std::to_string(images) + " images of " + request.input +
                               " can be read; the first: " + bad.front().reason,
                           "name a source of JPEG, PNG or WebP images");
  }
  if (std::ssize(bad) <= images_of(request.max_bad, images)) return;
  print_left_out({}, bad, images);
  throw core::UsageError(std::to_string(bad.size()) + " of " + std::to_string(images) +
                             " images cannot be decoded, and --max-bad allows " +
                             std::to_string(images_of(request.max_bad, images)),
                         "repair or remove them, or leave them out with --max-bad " +
                             std::to_string(bad.size()) + "; whole shards are kept");
}

void finish(const ConversionRequest& request, const Task& task, const core::FolderLock& lock,
            int64_t shards_kept) {
  ShardReport report{.folders = {},
                     .manifests = {},
                     .left_out = task.source->left_out(),
                     .bad = {},
                     .shards_kept = shards_kept};
  for (size_t i = 0; i < task.folders.size(); ++i) {
    report.bad.clear();  // every size leaves the same images out
    report.folders.push_back(task.folders[i].folder());
    report.manifests.push_back(
        task.folders[i].describe(common_manifest(task, task.recipe.sizes[i]), report.bad));
  }
  check_bad(request, task, report.bad);
  lock.check();
  for (size_t i = 0; i < task.folders.size(); ++i) task.folders[i].publish(report.manifests[i]);
  core::make_posix_file_system()->remove_all((fs::path(request.output) / kIndexName).string());
  print_report(report, request.json);
}

// A set that is whole already is only told of.
bool is_all_there(const Task& task) {
  return std::all_of(task.folders.begin(), task.folders.end(),
                     [](const DataSetFolder& folder) { return folder.is_published(); });
}

void lead(const ConversionRequest& request, const RankOfJob& self, JobBoard& board) {
  // Long enough to see whether an owner on another host is dead: a job that was killed may be
  // started again there.
  const core::FolderLock::Timing timing{.patience = std::chrono::seconds(75)};
  const core::FolderLock lock(request.output, "data_prep shard", timing);
  if (!lock.taken_over().empty()) std::fprintf(stderr, "%s\n", lock.taken_over().c_str());
  const Task task = open_task(request);
  if (request.when_opened) request.when_opened(*task.source);
  int64_t shards_kept = 0;
  if (is_all_there(task)) {
    board.begin("whole");
    std::fprintf(stderr, "%s has this data set already, whole; data_prep verify checks it\n",
                 request.output.c_str());
  } else {
    check_space(request, task);
    board.begin("convert");
    convert(request, task, self, board, shards_kept);
  }
  board.wait_for_others();
  finish(request, task, lock, shards_kept);
}

void follow(const ConversionRequest& request, const RankOfJob& self, JobBoard& board) {
  if (board.wait_for_begin() != "convert") return;
  const Task task = open_task(request);
  int64_t shards_kept = 0;
  convert(request, task, self, board, shards_kept);
}

void tell_plan(const ConversionRequest& request, const RankOfJob& self) {
  const Task task = open_task(request);
  constexpr int64_t kTried = 200;
  Converter converter(*task.source, task.recipe);
  Stored stored;
  int64_t bytes = 0, good = 0, bad = 0;
  const auto start = std::chrono::steady_clock::now();
  const int64_t tried = std::min(kTried, task.plan->images());
  for (int64_t i = 0; i < tried; ++i) {
    try {
      converter.convert(task.plan->image(task.plan->images() * i / tried), stored);
      for (const auto& one : stored) bytes += std::ssize(one);
      ++good;
    } catch (const core::UsageError&) {
      ++bad;
    }
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const int64_t workers = (request.threads > 0 ? request.threads : threads_of(self)) * self.size;
  const auto images = static_cast<double>(task.plan->images());
  std::printf(
      "%s: %lld images, %zu classes\n"
      "  %zu data set(s) of %lld shard(s), about %s MiB\n"
      "  about %s s with %lld thread(s): %lld of %lld images tried, %lld bad, %.0f images/s a "
      "thread\n"
      "nothing was written\n",
      task.source->description().c_str(), static_cast<long long>(task.plan->images()),
      task.source->class_names().size(), task.recipe.sizes.size(),
      static_cast<long long>(task.plan->shards()),
      core::with_separators(static_cast<int64_t>(static_cast<double>(bytes) / (1 << 20) * images /
                                                 static_cast<double>(std::max<int64_t>(1, good))))
          .c_str(),
      core::with_separators(static_cast<int64_t>(seconds * images / static_cast<double>(tried) /
                                                 static_cast<double>(workers)) +
                            1)
          .c_str(),
      static_cast<long long>(workers), static_cast<long long>(tried),
      static_cast<long long>(task.plan->images()), static_cast<long long>(bad),
      static_cast<double>(tried) / seconds);
}

}  // namespace

void run_conversion(const ConversionRequest& request) {
  const RankOfJob self = rank_of_job();
  if (request.dry_run) {
    if (self.rank == 0) tell_plan(request, self);
    return;
  }
  core::make_posix_file_system()->create_folders(request.output);
  JobBoard board(request.output, self);
  try {
    self.rank == 0 ? lead(request, self, board) : follow(request, self, board);
    board.end();
  } catch (const std::exception& error) {
    board.end(error.what());
    throw;
  }
}

}  // namespace bbg::data_prep
