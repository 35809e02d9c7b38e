#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "cli/commands.h"
#include "cli/recipes.h"
#include "cli/run_command.h"
#include "core/error.h"
#include "core/file_system.h"
#include "core/standard_output.h"
#include "core/text.h"
#include "data/shard_set.h"
#include "measure/memory.h"
#include "plan/plan.h"

namespace bbg::cli {

namespace {

struct NewOptions {
  std::string shards, test_shards, recipe = recipes()[0].name, output;
  int64_t resolution = 0, steps = 0, ranks = 1;
};

// Sides that some family of networks has, from large to small.
constexpr int64_t kSides[] = {512, 256, 128, 64, 32, 16};
// For files without a size of their own, unless the user says otherwise.
constexpr int64_t kSideOfFiles = 128;
constexpr int64_t kStepsWithoutRecipe = 20'000;

// One of the names that the command line lets through.
const Recipe& find_recipe(const std::string& name) {
  const auto found = std::find_if(recipes().begin(), recipes().end(),
                                  [&](const Recipe& recipe) { return recipe.name == name; });
  BBG_CHECK(found != recipes().end(), "the command line knows the recipes");
  return *found;
}

bool fits(const model::ModelOptions& model) {
  try {
    model.check();
    return true;
  } catch (const core::UsageError&) {
    return false;
  }
}

// Whether the model can be of this resolution, with codes of another length where a G that takes
// them in equal parts has another number of parts.
bool set_resolution(model::ModelOptions& model, int64_t resolution) {
  const model::ModelOptions before = model;
  model.resolution = resolution;
  if (fits(model)) return true;
  for (int64_t parts = 4; parts <= 8; ++parts) {
    model.z_dim = 20 * parts;
    if (fits(model)) return true;
  }
  model = before;
  return false;
}

void fit_to_images(run::RunConfig& config, const data::ShardSet& set, const NewOptions& options) {
  const bool is_raw = set.encoding() == data::Encoding::kRaw;
  const int64_t side = is_raw ? std::min(set.height(), set.width()) : 0;
  const int64_t most = options.resolution > 0 ? options.resolution : is_raw ? side : kSideOfFiles;
  if (is_raw && most > side) {
    throw core::UsageError("--resolution " + std::to_string(most) + ": the images of " +
                               options.shards + " have " + std::to_string(side) + " pixels a side",
                           "make larger shards, or leave --resolution out");
  }
  config.model.channels = set.channels();
  if (config.model.is_conditional()) config.model.num_classes = set.num_classes();
  const auto taken = std::find_if(std::begin(kSides), std::end(kSides), [&](int64_t one) {
    return (options.resolution > 0 ? one == most : one <= most) &&
           set_resolution(config.model, one);
  });
  if (taken == std::end(kSides)) {
    throw core::UsageError("the recipe " + options.recipe + " has no networks for images of " +
                               std::to_string(most) + " pixels a side",
                           "give another --recipe or --resolution; configs/ has further files");
  }
  const bool is_cut = !is_raw || set.height() != *taken || set.width() != *taken;
  config.data.crop = is_cut ? *taken : 0;
}

void fit_to_ranks(run::RunConfig& config, const data::ShardSet& set, const NewOptions& options) {
  int64_t batch = std::min(config.data.batch, set.size());
  batch -= batch % options.ranks;
  if (batch == 0) {
    throw core::UsageError(options.shards + " has " + std::to_string(set.size()) +
                               " images, fewer than the " + std::to_string(options.ranks) +
                               " ranks",
                           "give a smaller --ranks, or more images");
  }
  config.data.batch = batch;
}

void check_classes(const run::RunConfig& config, const data::ShardSet& set,
                   const NewOptions& options) {
  if (!config.model.is_conditional() || set.num_classes() > 1) return;
  throw core::UsageError("the recipe " + options.recipe + " learns classes, and " + options.shards +
                             " has " + std::to_string(set.num_classes()),
                         "label the images, or take --recipe small or bigbigan");
}

// Weights, gradients and optimizer of the ranks that share this machine's memory.
void check_memory(const nlohmann::ordered_json& plan, const NewOptions& options) {
  const auto bytes = plan["state_bytes"].get<int64_t>() * options.ranks;
  const int64_t memory = measure::host_memory_bytes();
  if (bytes <= memory) return;
  char text[160];
  std::snprintf(text, sizeof text,
                "the recipe %s takes %.1f GB for weights and optimizer on %lld rank(s), and this "
                "machine has %.1f GB",
                options.recipe.c_str(), static_cast<double>(bytes) / 1e9,
                static_cast<long long>(options.ranks), static_cast<double>(memory) / 1e9);
  throw core::UsageError(text, "take --recipe small, or fewer --ranks");
}

// The options that are not as the program has them by itself, section by section.
std::string text_of(const run::RunConfig& config, const std::string& heading) {
  std::string text = heading, section;
  for (const auto& option : config.table.options()) {
    const std::string &key = option->key, value = option->print();
    if (value == option->default_text && key != "run.steps") continue;
    const std::string own = key.substr(0, key.find('.'));
    if (own != section) text += "\n[" + own + "]\n";
    section = own;
    text += key.substr(own.size() + 1) + " = " + value + "\n";
  }
  return text;
}

void write_new(const NewOptions& options) {
  const auto files = core::make_posix_file_system();
  check_output_folder(options.output);
  if (files->exists(options.output)) {
    throw core::UsageError("--output " + options.output + " is there already",
                           "give another name, or remove it");
  }
  const Recipe& recipe = find_recipe(options.recipe);
  const data::ShardSet set = data::ShardSet::open(options.shards);
  run::RunConfig config;
  config.run.steps = kStepsWithoutRecipe;
  config.table.parse_ini(std::string(recipe.text), std::string("the recipe ") + recipe.name);
  config.data.shards = options.shards;
  config.data.test_shards = options.test_shards;
  config.data.loader_threads = 0;  // by this machine's cores
  if (options.steps > 0) config.run.steps = options.steps;
  config.run.name = std::filesystem::path(options.output).stem().string();
  config.run.output = "runs/" + config.run.name;
  check_classes(config, set, options);
  fit_to_images(config, set, options);
  fit_to_ranks(config, set, options);
  config.check();
  const nlohmann::ordered_json plan = plan::plan(config);
  check_memory(plan, options);
  core::write_atomically(*files, options.output,
                         text_of(config, "# The recipe " + options.recipe + " for the images of " +
                                             options.shards + ", by `bbg_dist new`.\n"));
  core::print(
      options.output + ": the recipe " + options.recipe + " at " +
      std::to_string(config.model.resolution) + " px\n\n" + plan::plan_text(plan) +
      "\na rank's share of a batch: " + core::with_separators(config.data.batch / options.ranks) +
      " images; train.accumulate = N works through it in N parts where memory is short"
      "\nnext: mpirun -np " +
      std::to_string(options.ranks) + " bbg_dist --config " + options.output + "\n");
}

}  // namespace

command::Command new_run_command(Job&) {
  const auto options = std::make_shared<NewOptions>();  // shared with what runs
  command::Command command{
      .name = "new",
      .summary = "writes a configuration for a data set, from a recipe",
      .details =
          "Writes a configuration that fits a data set: a recipe with its images' size, colours "
          "and "
          "classes, and a batch that the ranks share evenly. Says what it would build, and refuses "
          "what this machine's memory cannot hold. Paths stand in the file as they are given.",
      .examples =
          "  bbg_dist new --shards shards/train --test-shards shards/test --output mine.ini\n"
          "  bbg_dist new --shards imagenet --recipe bigbigan --ranks 8 --output big.ini"};
  std::string help;
  std::vector<std::string> names;
  for (const Recipe& recipe : recipes()) {
    names.emplace_back(recipe.name);
    help += (help.empty() ? "" : "; ") + std::string(recipe.name) + ": " + recipe.summary;
  }
  command.options.add("--shards", "DIR", &options->shards, "the training data, of data_prep")
      .required()
      .path();
  command.options
      .add("--test-shards", "DIR", &options->test_shards, "the test data, of the same classes")
      .default_is("the last training images")
      .path();
  command.options.add("--output", "FILE.ini", &options->output, "the file; must not be there yet")
      .required("nothing to write to: no --output given (FILE.ini)")
      .path();
  command.options.add("--recipe", "NAME", &options->recipe, help).one_of(names);
  command.options.add("--resolution", "N", &options->resolution, "side of the model's images")
      .between(1, 4096)
      .default_is("the largest that shards and recipe have; 128 for shards of files");
  command.options.add("--steps", "N", &options->steps, "steps of training")
      .between(1, 1'000'000'000'000)
      .default_is("the recipe's");
  command.options.add("--ranks", "N", &options->ranks, "MPI ranks that will train")
      .between(1, 1'000'000);
  command.run = [options] { write_new(*options); };
  return command;
}

}  // namespace bbg::cli
