#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

#include "core/error.h"
#include "core/file_system.h"
#include "core/folder_lock.h"
#include "core/standard_output.h"
#include "core/text.h"
#include "data_prep/commands.h"
#include "data_prep/conversion/conversion.h"
#include "data_prep/conversion/job_board.h"
#include "data_prep/progress_line.h"
#include "data_prep/shard_options.h"
#include "data_prep/shard_report.h"
#include "data_prep/sources/class_names.h"
#include "data_prep/sources/open_source.h"

namespace bbg::data_prep {

namespace fs = std::filesystem;

namespace {

constexpr const char* kIndexName = ".source-index";

// A folder above the folders train and val, which became classes.
void warn_of_splits(const ShardOptions& options, const std::vector<std::string>& class_names) {
  const std::vector<std::string> splits = names_of_splits(class_names);
  if (splits.empty()) return;
  std::fprintf(stderr,
               "warning: %s in %s are named like parts of a data set, and became classes\n"
               "  hint: for one part: data_prep shard --input '%s' --output '%s' --size %s\n",
               core::join(splits, ", ").c_str(), options.source.input.c_str(),
               (fs::path(options.source.input) / splits.front()).c_str(),
               (fs::path(options.output) / splits.front()).c_str(), options.sizes.c_str());
}

// All that a conversion works on, the same in all processes of a job.
struct Task {
  std::unique_ptr<ImageSource> source;
  Recipe recipe;
  std::optional<Plan> plan;
  std::vector<DataSetFolder> folders;
};

Task open_task(const ShardOptions& options) {
  Task task;
  SourceRequest request = options.source;
  if (!options.dry_run) request.index_path = (fs::path(options.output) / kIndexName).string();
  task.source = open_source(request);
  check_class_names(task.source->class_names());
  task.recipe = options.recipe(*task.source);
  options.bad_allowed(task.source->size());  // refused now, if it is wrong
  task.plan.emplace(*task.source, task.recipe, options.plan(*task.source));
  if (options.dry_run) return task;
  for (const int64_t size : task.recipe.sizes) {
    task.folders.emplace_back(options.folder(task.recipe, size), *task.plan, task.recipe, size,
                              options.force);
  }
  return task;
}

// Bytes of pixels, where the recipe says how many; of shards that are not there yet.
void check_space(const ShardOptions& options, const Task& task) {
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
  const fs::space_info space = fs::space(options.output, unknown);
  if (unknown || bytes <= 0 || space.available >= static_cast<uintmax_t>(bytes)) return;
  throw core::UsageError(options.output + " has room for " +
                             core::with_separators(static_cast<int64_t>(space.available >> 20)) +
                             " MiB, and the data set needs " + core::with_separators(bytes >> 20),
                         "choose another output folder, or make room");
}

void convert(const ShardOptions& options, const Task& task, const RankOfJob& self, JobBoard& board,
             int64_t& shards_kept) {
  Conversion conversion(*task.source, task.recipe, *task.plan, task.folders, self.rank, self.size);
  ProgressLine progress("images");
  const int64_t threads = options.threads > 0 ? options.threads : threads_of(self);
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

void check_bad(const ShardOptions& options, const Task& task, const std::vector<BadImage>& bad) {
  const int64_t images = task.plan->images();
  if (std::ssize(bad) == images) {
    throw core::UsageError("none of the " + std::to_string(images) + " images of " +
                               options.source.input +
                               " can be read; the first: " + bad.front().reason,
                           "name a source of JPEG, PNG or WebP images");
  }
  if (std::ssize(bad) <= options.bad_allowed(images)) return;
  print_left_out({}, bad, images);
  throw core::UsageError(std::to_string(bad.size()) + " of " + std::to_string(images) +
                             " images cannot be decoded, and --max-bad allows " +
                             std::to_string(options.bad_allowed(images)),
                         "repair or remove them, or leave them out with --max-bad " +
                             std::to_string(bad.size()) + "; whole shards are kept");
}

void finish(const ShardOptions& options, const Task& task, const core::FolderLock& lock,
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
  check_bad(options, task, report.bad);
  lock.check();
  for (size_t i = 0; i < task.folders.size(); ++i) task.folders[i].publish(report.manifests[i]);
  core::make_posix_file_system()->remove_all((fs::path(options.output) / kIndexName).string());
  print_report(report, options.json);
}

// A set that is whole already is only told of.
bool is_all_there(const Task& task) {
  return std::all_of(task.folders.begin(), task.folders.end(),
                     [](const DataSetFolder& folder) { return folder.is_published(); });
}

void lead(const ShardOptions& options, const RankOfJob& self, JobBoard& board) {
  const core::FolderLock lock(options.output, "data_prep shard");
  if (!lock.taken_over().empty()) std::fprintf(stderr, "%s\n", lock.taken_over().c_str());
  const Task task = open_task(options);
  warn_of_splits(options, task.source->class_names());
  int64_t shards_kept = 0;
  if (is_all_there(task)) {
    board.begin("whole");
    std::fprintf(stderr, "%s has this data set already, whole; data_prep verify checks it\n",
                 options.output.c_str());
  } else {
    check_space(options, task);
    board.begin("convert");
    convert(options, task, self, board, shards_kept);
  }
  board.wait_for_others();
  finish(options, task, lock, shards_kept);
}

void follow(const ShardOptions& options, const RankOfJob& self, JobBoard& board) {
  if (board.wait_for_begin() != "convert") return;
  const Task task = open_task(options);
  int64_t shards_kept = 0;
  convert(options, task, self, board, shards_kept);
}

void tell_plan(const ShardOptions& options, const RankOfJob& self) {
  const Task task = open_task(options);
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
  const int64_t workers = (options.threads > 0 ? options.threads : threads_of(self)) * self.size;
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

void run_shard(const ShardOptions& options) {
  const RankOfJob self = rank_of_job();
  if (options.dry_run) {
    if (self.rank == 0) tell_plan(options, self);
    return;
  }
  core::make_posix_file_system()->create_folders(options.output);
  JobBoard board(options.output, self);
  try {
    self.rank == 0 ? lead(options, self, board) : follow(options, self, board);
    board.end();
  } catch (const std::exception& error) {
    board.end(error.what());
    throw;
  }
}

}  // namespace

command::Command shard_command() {
  const auto options = std::make_shared<ShardOptions>();  // shared with what runs
  command::Command command{
      .name = "shard",
      .summary = "converts images to a data set of shards",
      .details =
          "Converts images to shards that bbg_dist trains from. Under mpirun or srun the "
          "processes share the shards. Interrupted, it goes on when it is started again: "
          "shards that are whole are kept. The data set appears when all of it is there.",
      .examples =
          "  data_prep shard --input photos --size 128 --output shards/train\n"
          "  data_prep shard --input ILSVRC2012_img_train.tar --size 128,256 --output imagenet\n"
          "  data_prep shard --input photos --store original --output shards/originals\n"
          "  data_prep shard --input train-images-idx3-ubyte.gz --labels "
          "train-labels-idx1-ubyte.gz \\\n"
          "      --size 32 --output shards/mnist"};
  options->declare(command.options);
  command.run = [options] { run_shard(*options); };
  return command;
}

}  // namespace bbg::data_prep
