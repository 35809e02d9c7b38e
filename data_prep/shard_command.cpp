#include <algorithm>
#include <atomic>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "core/error.h"
#include "core/file_system.h"
#include "core/folder_lock.h"
#include "core/standard_output.h"
#include "data/image_codec.h"
#include "data/sample_plan.h"
#include "data/shard_writer.h"
#include "data_prep/commands.h"
#include "data_prep/lone_process.h"
#include "data_prep/progress_line.h"
#include "data_prep/sources/class_names.h"
#include "data_prep/sources/open_source.h"

namespace bbg::data_prep {

namespace fs = std::filesystem;

namespace {

constexpr int64_t kImagesPerThread = 32;  // in a chunk: enough to even out large and small images

struct ShardOptions {
  std::string input, output, labels;
  std::string split;  // empty: train
  std::string format = "auto", channels = "auto", fit = "auto";
  int64_t size = 0;
  int64_t shards = 0;  // 0: by shard_mib
  int64_t shard_mib = 1024;
  int64_t threads = 0;  // 0: one per core
  bool skip_bad = false, force = false, json = false;

  void declare(command::Options& options);
};

struct Skipped {
  std::string name, reason;
};

// The image's own size.
core::Image decoded(const Content& content, int64_t channels, const std::string& place) {
  if (!content.is_encoded) return data::with_channels(content.image, channels);
  return data::decode_image(std::as_bytes(std::span(content.bytes)), channels, place);
}

int64_t number_of_shards(const ShardOptions& options, int64_t samples, int64_t sample_bytes) {
  if (options.shards > samples) {
    throw core::UsageError("--shards = " + std::to_string(options.shards) + " is more than the " +
                               std::to_string(samples) + " images",
                           "ask for fewer shards");
  }
  if (options.shards > 0) return options.shards;
  const int64_t shard_bytes = options.shard_mib << 20;
  return std::clamp<int64_t>((samples * sample_bytes + shard_bytes - 1) / shard_bytes, 1, samples);
}

// The order of samples: the source's, or a fixed shuffle of it.
class Order {
 public:
  explicit Order(const ImageSource& source)
      : is_shuffled_(source.is_shuffled_by_default()), plan_(0, source.size(), 1) {}
  int64_t operator[](int64_t place) const {
    return is_shuffled_ ? plan_.permuted(0, place) : place;
  }

 private:
  bool is_shuffled_;
  data::SamplePlan plan_;
};

// Images [first, first + count), decoded and fitted by several threads. Where skip_bad is set, bad
// ones leave their reason instead.
class Chunk {
 public:
  Chunk(const ImageSource& source, const Order& order, const ShardOptions& options,
        int64_t channels, data::Fit fit, int64_t first, int64_t count)
      : source_(source),
        order_(order),
        options_(options),
        channels_(channels),
        fit_(fit),
        first_(first) {
    images.resize(static_cast<size_t>(count));
    reasons.resize(static_cast<size_t>(count));
    errors_.resize(static_cast<size_t>(count));
  }

  void decode(int64_t num_threads) {
    {
      std::vector<std::jthread> threads;
      for (int64_t i = 0; i < num_threads; ++i) threads.emplace_back([this] { work(); });
    }
    // The first one in order, whichever thread met its own first.
    for (const std::exception_ptr& error : errors_) {
      if (error) std::rethrow_exception(error);
    }
  }

  std::vector<std::optional<core::Image>> images;
  std::vector<std::string> reasons;

 private:
  void work() {
    Content content;
    for (size_t i = next_++; i < images.size(); i = next_++) {
      try {
        const int64_t index = order_[first_ + static_cast<int64_t>(i)];
        source_.read(index, content);
        const core::Image image = decoded(content, channels_, source_.place(index));
        images[i] = data::fit_image(image, options_.size, fit_);
      } catch (const core::UsageError& error) {
        reasons[i] = error.what();
        if (!options_.skip_bad) errors_[i] = std::current_exception();
      } catch (...) {
        errors_[i] = std::current_exception();
      }
    }
  }

  const ImageSource& source_;
  const Order& order_;
  const ShardOptions& options_;
  int64_t channels_;
  data::Fit fit_;
  int64_t first_;
  std::atomic<size_t> next_ = 0;
  std::vector<std::exception_ptr> errors_;
};

void report(const ShardOptions& options, const std::vector<std::string>& files,
            const std::string& fingerprint, int64_t samples, int64_t channels, int64_t num_classes,
            const LeftOut& left_out, const std::vector<Skipped>& skipped) {
  if (!left_out.empty()) {
    std::fprintf(stderr, "left out: %s\n", left_out_text(left_out).c_str());
  }
  if (!skipped.empty()) {
    std::fprintf(stderr, "skipped %zu unreadable image(s) of %lld:\n", skipped.size(),
                 static_cast<long long>(samples) + static_cast<long long>(skipped.size()));
    for (const Skipped& item : skipped) std::fprintf(stderr, "  %s\n", item.reason.c_str());
  }
  if (options.json) {
    nlohmann::ordered_json json = {
        {"samples", samples},     {"skipped", nlohmann::ordered_json::array()},
        {"size", options.size},   {"channels", channels},
        {"classes", num_classes}, {"fingerprint", fingerprint},
        {"files", files},         {"left_out", left_out}};
    for (const Skipped& item : skipped) {
      json["skipped"].push_back({{"name", item.name}, {"reason", item.reason}});
    }
    core::print(json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
    return;
  }
  std::printf("%s: %lld images of %lldx%lldx%lld, %lld classes, %zu shard(s), fingerprint %s\n",
              options.output.c_str(), static_cast<long long>(samples),
              static_cast<long long>(options.size), static_cast<long long>(options.size),
              static_cast<long long>(channels), static_cast<long long>(num_classes), files.size(),
              fingerprint.c_str());
}

// A folder above the folders train and val, which became classes.
void warn_of_splits(const ShardOptions& options, const std::vector<std::string>& class_names) {
  const std::vector<std::string> splits = names_of_splits(class_names);
  if (splits.empty()) return;
  std::string list;
  for (const std::string& name : splits) list += (list.empty() ? "" : ", ") + name;
  std::fprintf(
      stderr,
      "warning: %s in %s are named like parts of a data set, and became classes\n"
      "  hint: for one part: data_prep shard --input '%s' --output '%s' --size %lld\n",
      list.c_str(), options.input.c_str(), (fs::path(options.input) / splits.front()).c_str(),
      (fs::path(options.output) / splits.front()).c_str(), static_cast<long long>(options.size));
}

void ShardOptions::declare(command::Options& options) {
  options
      .add("--input", "PATH", &input,
           "folder of JPEG and PNG images (sub-folders are classes, without them there are no "
           "labels), a file of images in MNIST's IDX format, plain or .gz, or the binary version "
           "of CIFAR-10 or CIFAR-100: one .bin file or the folder of them")
      .required()
      .file();
  options.add("--output", "DIR", &output, "folder for the shards; made if absent")
      .required()
      .file();
  options.add("--size", "S", &size, "height and width of the output in pixels")
      .between(1, 16384)
      .required();
  options.add("--format", "", &format, "what the input is").one_of(format_names());
  options.add("--split", "", &split, "which files of a folder of CIFAR's")
      .one_of({"train", "test"})
      .default_is("train");
  options.add("--labels", "FILE", &labels, "labels of an IDX file, plain or .gz")
      .not_empty()
      .file();
  options.add("--channels", "", &channels, "1: grey, 3: RGB; auto: 1 for IDX, else 3")
      .one_of({"auto", "1", "3"});
  options
      .add("--fit", "", &fit,
           "resize: the largest square in the middle, resampled; pad: a black border around images "
           "no larger than S, others as resize; auto: pad for IDX, else resize")
      .one_of({"auto", "pad", "resize"});
  options.add("--shards", "N", &shards, "number of shards; or")
      .between(1, 99999)
      .default_is("by --shard-mib");
  options.add("--shard-mib", "M", &shard_mib, "size of a shard at most, in MiB")
      .between(1, 1 << 20);
  options.add_flag("--skip-bad", &skip_bad,
                   "leave unreadable images out, count and list them; else the first one stops "
                   "the run");
  options.add("--threads", "T", &threads, "threads that decode")
      .between(1, 1024)
      .default_is("one a core");
  options.add_flag("--force", &force, "replace shards that are in the output folder");
  options.add_flag("--json", &json, "report as JSON");
}

SourceRequest request_of(const ShardOptions& options) {
  return {.input = options.input,
          .format = options.format,
          .labels = options.labels,
          .split = options.split};
}

void run_shard(const ShardOptions& options) {
  refuse_further_processes();
  const std::unique_ptr<ImageSource> source = open_source(request_of(options));
  check_class_names(source->class_names());
  warn_of_splits(options, source->class_names());
  const int64_t channels =
      options.channels == "auto" ? source->natural_channels() : std::stoll(options.channels);
  const data::Fit fit = options.fit == "auto"  ? source->natural_fit()
                        : options.fit == "pad" ? data::Fit::kPad
                                               : data::Fit::kResize;
  const int64_t num_threads = options.threads > 0
                                  ? options.threads
                                  : std::max<int64_t>(1, std::thread::hardware_concurrency());
  const int64_t total = source->size();
  core::make_posix_file_system()->create_folders(options.output);
  const core::FolderLock lock(options.output, "data_prep shard");
  if (!lock.taken_over().empty()) std::fprintf(stderr, "%s\n", lock.taken_over().c_str());
  data::ShardWriter writer(
      {.folder = options.output,
       .height = options.size,
       .width = options.size,
       .channels = channels,
       .max_samples = total,
       .shard_count = number_of_shards(options, total, options.size * options.size * channels),
       .class_names = source->class_names(),
       .source = source->description() + (fit == data::Fit::kPad ? ", padded" : ", resized"),
       .replace_existing = options.force});

  const Order order(*source);
  std::vector<Skipped> skipped;
  {
    ProgressLine progress("images");
    const int64_t chunk_size = num_threads * kImagesPerThread;
    for (int64_t first = 0; first < total; first += chunk_size) {
      const int64_t count = std::min(chunk_size, total - first);
      Chunk chunk(*source, order, options, channels, fit, first, count);
      chunk.decode(num_threads);
      for (int64_t i = 0; i < count; ++i) {
        const auto& image = chunk.images[static_cast<size_t>(i)];
        if (image) {
          writer.add(image->pixels, source->label(order[first + i]));
        } else {
          skipped.push_back(
              {source->place(order[first + i]), chunk.reasons[static_cast<size_t>(i)]});
        }
      }
      progress.update(first + count, total);
    }
  }
  const int64_t samples = total - static_cast<int64_t>(skipped.size());
  if (samples == 0) {
    throw core::UsageError("none of the " + std::to_string(total) + " images of " + options.input +
                               " can be read; the first: " + skipped.front().reason,
                           "name a folder of JPEG or PNG images");
  }
  lock.check();
  const std::vector<std::string> files = writer.close();
  report(options, files, writer.fingerprint(), samples, channels,
         static_cast<int64_t>(source->class_names().size()), source->left_out(), skipped);
}

}  // namespace

command::Command shard_command() {
  const auto options = std::make_shared<ShardOptions>();  // shared with what runs
  command::Command command{
      .name = "shard",
      .summary = "converts images (a folder, an IDX file, CIFAR) to shards",
      .details =
          "Converts images to shards that bbg_dist trains from. The output appears when it "
          "is complete.",
      .examples =
          "  data_prep shard --input photos --size 128 --output shards/train\n"
          "  data_prep shard --input train-images-idx3-ubyte.gz --labels "
          "train-labels-idx1-ubyte.gz \\\n"
          "      --size 32 --output shards/mnist\n"
          "  data_prep shard --input cifar-10-batches-bin --format cifar10 --split test \\\n"
          "      --size 32 --output shards/cifar10-test"};
  options->declare(command.options);
  command.run = [options] { run_shard(*options); };
  return command;
}

}  // namespace bbg::data_prep
